"""Mutants of access, reads, presence and unread counts, and of the server as a whole."""

import random

import msgspec

from madang_proof.history import records as r
from tests.unit.proof.history.mutants import Copy, mutant, one

# -- access ------------------------------------------------------------------------------------------------------------


@mutant("I11")
def an_event_comes_after_leaving(copy: Copy, dice: random.Random) -> bool:
    users = {x.conn: x.user for x in copy.of(r.Opened)}
    places = []
    for end in copy.of(r.Event, via="live"):
        if end.type in ("member.left", "member.kicked") and users[end.conn] == (end.member or end.user):
            later = [
                x for x in copy.of(r.Event, room=end.room, via="live") if x.seq > end.seq and copy.at(x) > copy.at(end)
            ]
            places += [(end.conn, x) for x in later if not copy.of(r.Closed, conn=end.conn)
                       and not [y for y in copy.of(r.Joined, conn=end.conn, room=end.room) if copy.at(y) > copy.at(end)]]  # fmt: skip
    if places:
        conn, event = dice.choice(places)
        copy.put(msgspec.structs.replace(event, conn=conn), after=event)
    return bool(places)


@mutant("I11")
def a_page_comes_after_leaving(copy: Copy, dice: random.Random) -> bool:
    clients = {x.conn: x for x in copy.of(r.Opened)}
    places = []
    for invoke, ok in copy.acked("leave"):
        opened = clients[invoke.conn]
        conns = [x.conn for x in clients.values() if x.client == opened.client]
        joins = copy.of(r.Invoke, op="join", room=invoke.room)
        if any(x.conn not in clients or copy.at(x) < copy.at(ok) < copy.at(clients[x.conn]) for x in joins):
            continue  # may be theirs
        joins = [x for x in joins if x.conn in conns]
        if not [x for x in joins if copy.at(x) > copy.at(invoke)]:
            answers: list[r.Joined | r.Fail] = [*copy.of(r.Joined), *copy.of(r.Fail)]
            answered = {x.call for x in answers if copy.at(x) < copy.at(invoke)}
            if all(x.call in answered for x in joins):
                places.append((opened.client, invoke.room, ok))
    if places:
        client, room, ok = dice.choice(places)
        copy.put(r.Page(0, ok.t + 1, client, room, []), after=copy.records[-1])
    return bool(places)


@mutant("I11")
def someone_speaks_above_his_kick(copy: Copy, dice: random.Random) -> bool:
    told = {(x.room, x.seq): x for x in copy.of(r.Event)}
    kicks = [x for x in told.values() if x.type == "member.kicked"]
    after = [(x, told.get((x.room, x.seq + 1))) for x in kicks]
    places = [(x, y) for x, y in after if y is not None and y.type == "message.sent" and y.user != x.user]
    if places:
        kick, said = dice.choice(places)
        for event in copy.of(r.Event, room=kick.room, seq=kick.seq):
            event.member = said.user
    return bool(places)


# -- searches ----------------------------------------------------------------------------------------------------------


@mutant("I19")
def a_search_lacks_what_was_acked(copy: Copy, dice: random.Random) -> bool:
    touched = {(x.room, x.target) for x in copy.of(r.Invoke) if x.op in ("edit", "delete")}
    said: dict[tuple[str, str], set[str]] = {}
    for x in copy.of(r.Invoke):
        said.setdefault((x.room, x.cid), set()).add(x.text)
    places = []
    for invoke, ok in copy.acked():
        for found in copy.of(r.Found, room=invoke.room, cid=invoke.cid):
            hit = [m for m in found.messages if m.seq == ok.seq]
            if (
                ok.t < found.asked
                and hit
                and (invoke.room, ok.seq) not in touched
                and len(said[invoke.room, invoke.cid]) == 1
            ):
                places.append((found, hit[0]))
    if places:
        found, message = dice.choice(places)
        found.messages.remove(message)
    return bool(places)


@mutant("I19")
def a_search_finds_what_does_not_have_it(copy: Copy, dice: random.Random) -> bool:
    if place := one(dice, [x for x in copy.of(r.Found) if x.messages]):
        place.q += " and more"
    return place is not None


@mutant("I19")
def a_search_finds_what_was_deleted(copy: Copy, dice: random.Random) -> bool:
    sent = {(x.room, x.seq): x for x in copy.of(r.Event, type="message.sent") if x.text}
    gone = [(sent[i.room, i.target], ok) for i, ok in copy.acked("delete") if (i.room, i.target) in sent]
    edited = {(x.room, x.target) for x in copy.of(r.Event, type="message.edited")}
    gone = [(event, ok) for event, ok in gone if (event.room, event.seq) not in edited]
    place = one(dice, [event for event, _ in gone])
    if event := place:
        client, last = copy.of(r.Opened)[0].client, copy.records[-1]
        message = r.Message(event.seq, event.id, event.user, event.text)
        copy.put(r.Found(0, last.t, client, event.room, event.text, [message]), after=last)
    return place is not None


@mutant("I19")
def a_search_comes_after_leaving(copy: Copy, dice: random.Random) -> bool:
    copies = Copy(copy.records)
    if not a_page_comes_after_leaving(copies, dice):
        return False
    page = copies.records[-1]
    assert isinstance(page, r.Page)
    copy.put(r.Found(0, page.asked, page.client, page.room, "q", []), after=copy.records[-1])
    return True


# -- reads, presence and unread counts ---------------------------------------------------------------------------------


@mutant("I9")
def a_page_is_out_of_order(copy: Copy, dice: random.Random) -> bool:
    if place := one(dice, [x for x in copy.of(r.Page, final=False) if len(x.messages) > 1]):
        place.messages.reverse()
    return place is not None


@mutant("I9")
def a_page_has_what_was_not_asked_for(copy: Copy, dice: random.Random) -> bool:
    if place := one(dice, [x for x in copy.of(r.Page, final=False) if x.before and x.messages]):
        place.before = place.messages[-1].seq
    return place is not None


@mutant("I9")
def a_page_is_too_long(copy: Copy, dice: random.Random) -> bool:
    if place := one(dice, [x for x in copy.of(r.Page) if len(x.messages) > 1]):
        place.limit = 1
    return place is not None


@mutant("I15")
def a_page_lacks_what_was_acked(copy: Copy, dice: random.Random) -> bool:
    places = []
    for page in copy.of(r.Page, final=False):
        acked = {ok.seq for invoke, ok in copy.acked() if invoke.room == page.room and ok.t < page.asked}
        places += [
            (page, m) for i, m in enumerate(page.messages) if m.seq in acked and (0 < i < len(page.messages) - 1)
        ]
    if places:
        page, message = dice.choice(places)
        page.messages.remove(message)
    return bool(places)


@mutant("I15")
def the_newest_page_is_stale(copy: Copy, dice: random.Random) -> bool:
    places = []
    for page in copy.of(r.Page, final=False, before=0, after=0):
        acked = {ok.seq for invoke, ok in copy.acked() if invoke.room == page.room and ok.t < page.asked}
        if page.messages and page.messages[-1].seq in acked:
            places.append(page)
    if place := one(dice, places):
        place.messages.pop()
        place.more = place.more and bool(place.messages)
    return bool(places)


@mutant("I15")
def a_list_of_rooms_is_stale(copy: Copy, dice: random.Random) -> bool:
    last = copy.of(r.Unread)[-1]
    last.seq -= 1
    last.read_seq = min(last.read_seq, last.seq)
    return True


@mutant("I14")
def a_page_has_a_text_from_before_its_edit(copy: Copy, dice: random.Random) -> bool:
    sent = {(x.room, x.seq): x.text for x in copy.of(r.Event, type="message.sent") if x.text}
    edits = [(x.room, x.target) for x in copy.of(r.Event, type="message.edited")]
    places = [
        (page, m)
        for page in copy.of(r.Page, final=True)
        for m in page.messages
        if m.edited and not m.deleted and (page.room, m.seq) in sent and (page.room, m.seq) in edits
    ]
    if places:
        page, message = dice.choice(places)
        message.text, message.edited = sent[page.room, message.seq], False
    return bool(places)


@mutant("I14")
def a_page_has_a_text_from_before_its_deletion(copy: Copy, dice: random.Random) -> bool:
    sent = {(x.room, x.seq): x.text for x in copy.of(r.Event, type="message.sent") if x.text}
    gone = {(x.room, x.target) for x in copy.of(r.Event, type="message.deleted")}
    places = [
        (page, m)
        for page in copy.of(r.Page, final=True)
        for m in page.messages
        if m.deleted and (page.room, m.seq) in sent and (page.room, m.seq) in gone
    ]
    if places:
        page, message = dice.choice(places)
        message.text, message.deleted = sent[page.room, message.seq], False
    return bool(places)


@mutant("I17")
def a_ghost_is_online(copy: Copy, dice: random.Random) -> bool:
    last = copy.of(r.Presence)[-1]
    last.online = [*last.online, "user-77"]
    last.count += 1
    copy.of(r.Setup)[0].presence_ttl = 1000
    return True


@mutant("I17")
def who_has_left_stays_online(copy: Copy, dice: random.Random) -> bool:
    users = {x.conn: x.user for x in copy.of(r.Opened)}
    last = copy.of(r.Presence)[-1]
    there = {users[x.conn] for x in copy.of(r.Joined, room=last.room)} - set(last.online)
    if there:
        last.online = [*last.online, dice.choice(sorted(there))]
        last.count += 1
        copy.of(r.Setup)[0].presence_ttl = 1
    return bool(there)


@mutant("I17")
def somebody_is_online_twice(copy: Copy, dice: random.Random) -> bool:
    if place := one(dice, [x for x in copy.of(r.Presence) if x.online]):
        place.online = [*place.online, place.online[0]]
        place.count += 1
    return place is not None


@mutant("I17")
def the_count_is_negative(copy: Copy, dice: random.Random) -> bool:
    dice.choice(copy.of(r.Presence)).count = -1
    return True


@mutant("I18")
def an_unread_count_is_wrong(copy: Copy, dice: random.Random) -> bool:
    row = dice.choice(copy.of(r.Unread))
    row.unread = row.seq - row.read_seq + 1
    return True


@mutant("I18")
def an_unread_count_is_of_all_events(copy: Copy, dice: random.Random) -> bool:
    seen = {(x.room, x.seq) for x in copy.of(r.Event) if x.type == "reaction.added"}
    rows = [x for x in copy.of(r.Unread) if any((x.room, seq) in seen for seq in range(x.read_seq + 1, x.seq + 1))]
    if row := one(dice, rows):
        row.unread = row.seq - row.read_seq
    return bool(rows)


@mutant("I18")
def an_unread_count_is_negative(copy: Copy, dice: random.Random) -> bool:
    place = dice.choice(copy.of(r.Unread))
    place.read_seq = place.seq + 2
    place.unread = -2
    return True


@mutant("I18")
def a_read_pointer_goes_back(copy: Copy, dice: random.Random) -> bool:
    last = copy.of(r.Unread)[-1]
    before = [x for x in copy.of(r.Unread, client=last.client, room=last.room)[:-1] if x.read_seq > 1]
    if before:
        last.read_seq = 1
    return bool(before)


# -- the server as a whole ---------------------------------------------------------------------------------------------


@mutant("I25")
def file_descriptors_leak(copy: Copy, dice: random.Random) -> bool:
    copy.of(r.Sample, phase="after")[-1].fds += 40
    return True


@mutant("I25")
def threads_leak(copy: Copy, dice: random.Random) -> bool:
    copy.of(r.Sample, phase="after")[-1].threads += 40
    return True


@mutant("I25")
def memory_leaks(copy: Copy, dice: random.Random) -> bool:
    copy.of(r.Sample, phase="after")[-1].rss += 256 << 20
    return True


@mutant("I25")
def something_stays_queued(copy: Copy, dice: random.Random) -> bool:
    copy.of(r.Sample, phase="after")[-1].queued += 1
    return True


@mutant("I26")
def an_ack_promises_too_much(copy: Copy, dice: random.Random) -> bool:
    copy.of(r.Setup)[0].ack = "buffered"
    return bool(copy.acked())


@mutant("I26")
def an_ack_names_no_level(copy: Copy, dice: random.Random) -> bool:
    if acked := copy.acked():
        dice.choice(acked)[1].ack = ""
    return bool(acked)


@mutant("I27")
def sends_are_not_answered(copy: Copy, dice: random.Random) -> bool:
    faults = copy.of(r.Fault)
    acked = [ok for _, ok in copy.acked() if not faults or ok.t < faults[0].t]
    if place := one(dice, acked):
        copy.records[copy.at(place)] = r.Unknown(place.t, place.call, "internal")
    return bool(acked)


@mutant("I27")
def an_ack_never_comes(copy: Copy, dice: random.Random) -> bool:
    over = {x.conn for x in copy.of(r.Closed)}
    last = max((x.t for x in copy.of(r.Fault)), default=0)
    calls = [(invoke, ok) for invoke, ok in copy.acked() if invoke.conn not in over and invoke.t > last]
    if calls:
        copy.drop(dice.choice(calls)[1])
    return bool(calls)


@mutant("I27")
def sends_are_put_off(copy: Copy, dice: random.Random) -> bool:
    faults = copy.of(r.Fault)
    refused = [x for x in copy.of(r.Fail) if copy.calls[x.call].op == "send" and (not faults or x.t < faults[0].t)]
    if place := one(dice, refused):
        place.code = "overloaded"
    return bool(refused)
