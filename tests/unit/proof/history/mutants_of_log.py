"""Mutants of the log: what is at a seq, who is told what of it, and what acks say."""

import random

import msgspec

from madang_proof.history import records as r
from tests.unit.proof.history.mutants import Copy, mutant, one


def shared(copy: Copy, dice: random.Random) -> r.Event | None:
    """Choose a delivery of a message that others were given, too."""
    seen: dict[tuple[str, int], int] = {}
    for event in copy.of(r.Event):
        seen[event.room, event.seq] = seen.get((event.room, event.seq), 0) + bool(event.text)
    return one(dice, [x for x in copy.of(r.Event, type="message.sent") if x.text and seen[x.room, x.seq] > 1])


@mutant("I10")
def one_is_given_another_text(copy: Copy, dice: random.Random) -> bool:
    if place := shared(copy, dice):
        place.text += "!"
    return place is not None


@mutant("I10")
def one_is_given_another_sender(copy: Copy, dice: random.Random) -> bool:
    if place := shared(copy, dice):
        place.user = next(x.user for x in copy.of(r.Opened) if x.user != place.user)
    return place is not None


@mutant("I10")
def one_is_given_another_id(copy: Copy, dice: random.Random) -> bool:
    if place := shared(copy, dice):
        place.id += "7"
    return place is not None


@mutant("I10")
def one_is_given_another_type(copy: Copy, dice: random.Random) -> bool:
    if place := shared(copy, dice):
        place.type = "reaction.added"
    return place is not None


def paged(copy: Copy, dice: random.Random, **fields: object) -> r.Message | None:
    """Choose a message of a page that an event is known of."""
    events = {(x.room, x.seq) for x in copy.of(r.Event)}
    places = [m for page in copy.of(r.Page) for m in page.messages if (page.room, m.seq) in events]
    places = [m for m in places if all(getattr(m, name) == value for name, value in fields.items())]
    return dice.choice(places) if places else None


@mutant("I10")
def a_page_has_another_id(copy: Copy, dice: random.Random) -> bool:
    if place := paged(copy, dice):
        place.id += "7"
    return place is not None


@mutant("I10")
def a_page_has_another_sender(copy: Copy, dice: random.Random) -> bool:
    if place := paged(copy, dice):
        place.user += "7"
    return place is not None


@mutant("I10")
def a_page_has_a_text_that_nobody_gave(copy: Copy, dice: random.Random) -> bool:
    if place := paged(copy, dice, deleted=False):
        place.text += "!"
    return place is not None


@mutant("I10")
def a_page_has_deleted_what_nobody_deleted(copy: Copy, dice: random.Random) -> bool:
    deleted = {(x.room, x.target) for x in copy.of(r.Invoke, op="delete")}
    places = [m for page in copy.of(r.Page) for m in page.messages if (page.room, m.seq) not in deleted]
    if places:
        place = dice.choice(places)
        place.text, place.deleted = "", True
    return bool(places)


# -- acks and the log --------------------------------------------------------------------------------------------------


def acked_once(copy: Copy) -> list[tuple[r.Invoke, r.Ok]]:
    """Return sends whose cids have one ack: of a second one that differs, it cannot be said which is right."""
    answered = [copy.calls[x.call].cid for x in copy.of(r.Ok) if x.seq]
    return [(invoke, ok) for invoke, ok in copy.acked() if answered.count(invoke.cid) == 1]


@mutant("I1")
def an_ack_names_another_id(copy: Copy, dice: random.Random) -> bool:
    acked = acked_once(copy)
    if places := [ok for invoke, ok in acked if copy.everywhere(invoke.room, ok.seq)]:
        dice.choice(places).id += "7"
    return bool(places)


@mutant("I1")
def two_acks_are_exchanged(copy: Copy, dice: random.Random) -> bool:
    acked = copy.acked()
    places = [(a, b) for x, a in acked for y, b in acked if x.room == y.room and a.seq < b.seq]
    if places:
        a, b = dice.choice(places)
        a.seq, a.id, b.seq, b.id = b.seq, b.id, a.seq, a.id
    return bool(places)


@mutant("I1")
def an_ack_is_of_nothing(copy: Copy, dice: random.Random) -> bool:
    calm = copy.at(copy.of(r.Sample, phase="after")[0])
    places = [x for x in copy.of(r.Fail) if copy.calls[x.call].op == "send" and copy.at(x) < calm]
    if place := one(dice, places):
        room = copy.calls[place.call].room
        head = max(x.seq for x in copy.of(r.Event, room=room))
        copy.records[copy.at(place)] = r.Ok(place.t, place.call, head + 1, str(1 << 60), "stored")
    return bool(places)


@mutant("I1")
def all_are_given_another_text(copy: Copy, dice: random.Random) -> bool:
    places = [x for x in copy.acked() if copy.of(r.Event, room=x[0].room, seq=x[1].seq)]
    if not places:
        return False
    invoke, ok = dice.choice(places)
    for shown in copy.everywhere(invoke.room, ok.seq):
        if shown.text == invoke.text:
            shown.text += "!"
    return any(x.text for x in copy.of(r.Event, room=invoke.room, seq=ok.seq))


@mutant("I1")
def all_are_given_another_sender(copy: Copy, dice: random.Random) -> bool:
    if places := [x for x in copy.acked() if copy.everywhere(x[0].room, x[1].seq)]:
        invoke, ok = dice.choice(places)
        for shown in copy.everywhere(invoke.room, ok.seq):
            shown.user += "7"
    return bool(places)


@mutant("I1")
def the_final_pages_lack_a_message(copy: Copy, dice: random.Random) -> bool:
    places = [
        (page, message)
        for page in copy.of(r.Page, final=True)
        for i, message in enumerate(page.messages)
        if i or not page.more  # else the page after this one is asked for from another place
    ]
    if places:
        page, message = dice.choice(places)
        page.messages.remove(message)
    return bool(places)


@mutant("I1")
def the_final_pages_have_a_message_twice(copy: Copy, dice: random.Random) -> bool:
    if places := [(page, m) for page in copy.of(r.Page, final=True) for m in page.messages]:
        page, message = dice.choice(places)
        page.messages.insert(page.messages.index(message), msgspec.structs.replace(message))
    return bool(places)


@mutant("I4")
def a_message_is_seen_before_it_is_sent(copy: Copy, dice: random.Random) -> bool:
    places = []
    for invoke, ok in copy.acked():
        seen = copy.of(r.Event, room=invoke.room, seq=ok.seq)
        calls = [x for x in copy.of(r.Invoke, cid=invoke.cid) if x is not invoke]
        if not calls and seen and copy.at(seen[0]) < copy.at(ok):
            places.append((invoke, seen[0]))
    if places:
        invoke, event = dice.choice(places)
        copy.drop(invoke)
        copy.put(invoke, after=event)
    return bool(places)


@mutant("I4")
def nobody_sent_it(copy: Copy, dice: random.Random) -> bool:
    events = {(x.room, x.seq) for x in copy.of(r.Event) if x.text and x.type == "message.sent"}
    places = []
    for invoke, ok in copy.acked():
        calls = copy.of(r.Invoke, cid=invoke.cid)
        if (invoke.room, ok.seq) in events and len(calls) == 1:
            places.append((invoke, ok))
    if places:
        for record in dice.choice(places):
            copy.drop(record)
    return bool(places)


@mutant("I2")
def a_refused_send_is_there(copy: Copy, dice: random.Random) -> bool:
    events = {(x.room, x.seq) for x in copy.of(r.Event) if x.text and x.type == "message.sent"}
    places = []
    for invoke, ok in copy.acked():
        if (invoke.room, ok.seq) in events and len(copy.of(r.Invoke, cid=invoke.cid)) == 1:
            places.append(ok)
    if place := one(dice, places):
        copy.records[copy.at(place)] = r.Fail(place.t, place.call, "rate_limited")
    return bool(places)


@mutant("I5")
def an_id_is_smaller_than_the_one_before(copy: Copy, dice: random.Random) -> bool:
    room = copy.of(r.Joined)[0].room
    seqs = sorted({x.seq for x in copy.of(r.Event, room=room) if x.type != "message.sent"})[1:]
    for event in copy.of(r.Event, room=room, seq=dice.choice(seqs)) if seqs else ():
        event.id = "1"
    return bool(seqs)


@mutant("I5")
def one_seq_is_given_to_two(copy: Copy, dice: random.Random) -> bool:
    acked = acked_once(copy)
    places = [(a, b) for x, a in acked for y, b in acked if x.room == y.room and x.cid != y.cid]
    if places:
        a, b = dice.choice(places)
        a.seq = b.seq
    return bool(places)


@mutant("I5")
def nobody_is_given_a_seq(copy: Copy, dice: random.Random) -> bool:
    acks = {
        (invoke.room, ok.seq)
        for op in ("send", "edit", "delete", "react", "leave", "kick", "ban", "mute")
        for invoke, ok in copy.acked(op)
    }
    acks |= {(copy.calls[ok.call].room, ok.seq) for ok in copy.of(r.Ok)}
    places = [a for a, b in copy.pairs() if (a.room, a.seq) not in acks and a.type == "member.joined"]
    if place := one(dice, places):
        for event in copy.of(r.Event, room=place.room, seq=place.seq):
            copy.drop(event)
        for skip in copy.of(r.Skip, room=place.room):
            if skip.first <= place.seq <= skip.last:
                copy.drop(skip)
    return bool(places)


@mutant("I6")
def an_earlier_send_is_numbered_later(copy: Copy, dice: random.Random) -> bool:
    acked = copy.acked()
    places = []
    for invoke, ok in acked:
        late = [x for x, _ in acked if x.room == invoke.room and copy.at(x) > copy.at(ok)]
        places += [(ok, late_ok) for x, late_ok in acked if x in late and x.cid != invoke.cid and
                   len(copy.of(r.Invoke, cid=x.cid)) == 1]  # fmt: skip
    if places:
        a, b = dice.choice(places)
        room = copy.calls[a.call].room
        for x in copy.everywhere(room, b.seq):
            x.seq = -1
        for x in copy.everywhere(room, a.seq):
            x.seq = b.seq
        for x in copy.everywhere(room, -1):
            x.seq = a.seq
        a.seq, b.seq = b.seq, a.seq
    return bool(places)


@mutant("I13")
def a_repeat_is_given_another_seq(copy: Copy, dice: random.Random) -> bool:
    first = {(copy.calls[x.call].room, x.seq) for x in copy.of(r.Ok, duplicate=False)}
    places = [x for x in copy.of(r.Ok, duplicate=True) if (copy.calls[x.call].room, x.seq) in first]
    if place := one(dice, places):
        place.seq += 1
    return bool(places)


@mutant("I13")
def a_repeat_is_given_another_id(copy: Copy, dice: random.Random) -> bool:
    first = {(copy.calls[x.call].room, x.seq) for x in copy.of(r.Ok, duplicate=False)}
    places = [x for x in copy.of(r.Ok, duplicate=True) if (copy.calls[x.call].room, x.seq) in first]
    if place := one(dice, places):
        place.id += "7"
    return bool(places)


@mutant("I13")
def a_repeat_is_a_conflict_with_itself(copy: Copy, dice: random.Random) -> bool:
    places = [
        x
        for x in copy.of(r.Ok, duplicate=True)
        if len({y.text for y in copy.of(r.Invoke, cid=copy.calls[x.call].cid)}) == 1
    ]
    if place := one(dice, places):
        copy.records[copy.at(place)] = r.Fail(place.t, place.call, "conflict")
    return bool(places)


@mutant("I13")
def other_content_is_acked_as_well(copy: Copy, dice: random.Random) -> bool:
    acked = {copy.calls[x.call].cid: x for x in copy.of(r.Ok) if copy.calls[x.call].cid}
    deleted = {(x.room, x.target) for x in copy.of(r.Invoke, op="delete")}
    places = []
    for refused in copy.of(r.Fail, code="conflict"):
        call = copy.calls[refused.call]
        if (ok := acked.get(call.cid)) and not deleted & {(call.room, ok.seq), (call.room, call.target)}:
            places.append(refused)
    if place := one(dice, places):
        ok = acked[copy.calls[place.call].cid]
        copy.records[copy.at(place)] = r.Ok(place.t, place.call, ok.seq, ok.id, ok.ack, True)
    return bool(places)


@mutant("I13")
def the_first_of_a_cid_is_called_a_duplicate(copy: Copy, dice: random.Random) -> bool:
    places = [ok for invoke, ok in copy.acked() if len(copy.of(r.Invoke, cid=invoke.cid)) == 1]
    if place := one(dice, places):
        place.duplicate = True
    return bool(places)
