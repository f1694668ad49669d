"""Ways to spoil a good history by changing a few of its records: what a broken server or link would have shown.

Each finds a place where the change is wrong for certain, and says False where there is none. Beside it stands the
invariant that must report it; others may as well.
"""

import random
from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

import msgspec

from madang.testing.history import Record
from madang.testing.history import records as r

MUTANTS: dict[str, tuple[Callable[["Copy", random.Random], bool], str]] = {}
R = TypeVar("R", bound=Record)


class Copy:
    """A history that may be changed."""

    def __init__(self, records: list[Record]) -> None:
        self.records = [msgspec.structs.replace(record) for record in records]
        for page in self.of(r.Page):
            page.messages = [msgspec.structs.replace(message) for message in page.messages]
        self.calls = {record.call: record for record in self.of(r.Invoke)}

    def of(self, kind: type[R], **fields: object) -> list[R]:
        """Give the records of a type that have these values, in order."""
        found = [record for record in self.records if isinstance(record, kind)]
        return [x for x in found if all(getattr(x, name) == value for name, value in fields.items())]

    def at(self, record: Record) -> int:
        """Give the index of this very record."""
        return next(i for i, other in enumerate(self.records) if other is record)

    def drop(self, record: Record) -> None:
        """Take a record out."""
        del self.records[self.at(record)]

    def put(self, record: Record, after: Record) -> None:
        """Put a record behind another, at the same time."""
        record.t = after.t
        self.records.insert(self.at(after) + 1, record)

    def of_room(self, conn: int, room: str) -> list[Record]:
        """Give what moves the position of a connection in a room, in order."""
        kinds = (r.Joined, r.Event, r.Skip, r.Reset)
        return [x for x in self.records if isinstance(x, kinds) and (x.conn, x.room) == (conn, room)]

    def pairs(self) -> list[tuple[r.Event, r.Event]]:
        """Give live events that follow one another on a connection."""
        found = []
        for follow in sorted({(event.conn, event.room) for event in self.of(r.Event)}):
            moves = self.of_room(*follow)
            for a, b in pairwise(moves):
                if isinstance(a, r.Event) and isinstance(b, r.Event) and a.via == b.via == "live":
                    found.append((a, b))
        return found

    def acked(self, op: str = "send") -> list[tuple[r.Invoke, r.Ok]]:
        """Give commands with their first acks."""
        return [
            (self.calls[ok.call], ok)
            for ok in self.of(r.Ok, duplicate=False)
            if ok.seq and self.calls[ok.call].op == op
        ]

    def final(self, room: str) -> list[r.Page]:
        """Give the final pages of a room, the newest messages first."""
        return self.of(r.Page, final=True, room=room)

    def everywhere(self, room: str, seq: int) -> list[r.Event | r.Message]:
        """Give all that shows one seq."""
        pages = [message for page in self.of(r.Page, room=room) for message in page.messages]
        return [*self.of(r.Event, room=room, seq=seq), *(message for message in pages if message.seq == seq)]


def mutant(caught_by: str) -> Callable[[Callable[[Copy, random.Random], bool]], Callable[[Copy, random.Random], bool]]:
    """Enter a mutant in the table."""

    def enter(spoil: Callable[[Copy, random.Random], bool]) -> Callable[[Copy, random.Random], bool]:
        MUTANTS[spoil.__name__] = (spoil, caught_by)
        return spoil

    return enter


def one(dice: random.Random, places: list[R]) -> R | None:
    """Choose a place."""
    return dice.choice(places) if places else None


# -- deliveries --------------------------------------------------------------------------------------------------------


@mutant("I8")
def a_delivery_is_dropped(copy: Copy, dice: random.Random) -> bool:
    pairs = copy.pairs()
    if pairs:
        copy.drop(dice.choice(pairs)[0])
    return bool(pairs)


@mutant("I9")
def the_last_delivery_is_dropped(copy: Copy, dice: random.Random) -> bool:
    closed = {record.conn for record in copy.of(r.Closed)}
    calm = copy.at(copy.of(r.Sample, phase="after")[0])
    last: dict[tuple[int, str], Record] = {}
    newest: dict[str, int] = {}
    for record in copy.records[:calm]:
        if isinstance(record, r.Joined | r.Event | r.Skip | r.Reset):
            last[record.conn, record.room] = record
        if isinstance(record, r.Event):
            newest[record.room] = max(newest.get(record.room, 0), record.seq)
    places = [
        record
        for (conn, room), record in last.items()
        if conn not in closed and isinstance(record, r.Event) and record.via == "live" and record.seq == newest[room]
        and record.type == "message.sent" and len(copy.of(r.Event, room=room, seq=record.seq)) > 1
        and copy.of_room(conn, room)[-1] is record
    ]  # fmt: skip
    if place := one(dice, places):
        copy.drop(place)
    return bool(places)


@mutant("I8")
def a_delivery_comes_twice(copy: Copy, dice: random.Random) -> bool:
    place = dice.choice(copy.of(r.Event, via="live", type="message.sent"))
    copy.put(msgspec.structs.replace(place), after=place)
    return True


@mutant("I8")
def two_deliveries_are_swapped(copy: Copy, dice: random.Random) -> bool:
    pairs = copy.pairs()
    if pairs:
        a, b = dice.choice(pairs)
        i, j = copy.at(a), copy.at(b)
        copy.records[i], copy.records[j] = b, a
    return bool(pairs)


@mutant("I8")
def a_delivery_is_late(copy: Copy, dice: random.Random) -> bool:
    pairs = copy.pairs()
    if pairs:
        a, b = dice.choice(pairs)
        copy.drop(a)
        copy.put(a, after=b)
    return bool(pairs)


@mutant("I9")
def a_resume_lacks_an_event(copy: Copy, dice: random.Random) -> bool:
    resumes = [x for x in copy.of(r.Joined, reset=False) if x.since is not None and x.seq > x.since]
    if resume := one(dice, resumes):
        first = copy.at(resume) + 1
        events = copy.records[first : first + resume.seq - (resume.since or 0)]
        copy.drop(dice.choice(events))
    return bool(resumes)


@mutant("I9")
def a_join_gives_an_event_twice(copy: Copy, dice: random.Random) -> bool:
    place = dice.choice(copy.of(r.Event, via="join"))
    copy.put(msgspec.structs.replace(place), after=place)
    return True


@mutant("I9")
def the_newest_of_a_join_is_missing(copy: Copy, dice: random.Random) -> bool:
    places = [x for x in copy.of(r.Joined) if x.since is None and x.seq > 1]
    if joined := one(dice, places):
        i = copy.at(joined)
        events = [
            x
            for x in copy.records[i + 1 : i + 7]
            if isinstance(x, r.Event) and x.conn == joined.conn and x.via == "join"
        ]
        copy.drop(events[-1])
        if len(events) == 1:
            return False
    return bool(places)


@mutant("I8")
def a_skip_is_not_told(copy: Copy, dice: random.Random) -> bool:
    places = []
    for skip in copy.of(r.Skip):
        moves = copy.of_room(skip.conn, skip.room)
        after = moves[moves.index(skip) + 1 :]
        if after and isinstance(after[0], r.Event) and after[0].via == "live":
            places.append(skip)
    if place := one(dice, places):
        copy.drop(place)
    return bool(places)


@mutant("I8")
def a_skip_goes_too_far(copy: Copy, dice: random.Random) -> bool:
    places = []
    for skip in copy.of(r.Skip):
        moves = copy.of_room(skip.conn, skip.room)
        after = moves[moves.index(skip) + 1 :]
        if after and isinstance(after[0], r.Event) and after[0].via == "live":
            places.append(skip)
    if place := one(dice, places):
        place.last += 1
    return bool(places)


@mutant("I8")
def a_message_is_skipped(copy: Copy, dice: random.Random) -> bool:
    places = [
        x
        for x in copy.of(r.Event, via="live", type="message.sent")
        if len(copy.of(r.Event, room=x.room, seq=x.seq)) > 1
    ]
    if place := one(dice, places):
        copy.records[copy.at(place)] = r.Skip(place.t, place.conn, place.room, place.seq, place.seq)
    return bool(places)


@mutant("I12")
def an_event_comes_of_a_room_not_joined(copy: Copy, dice: random.Random) -> bool:
    places = []
    for opened in copy.of(r.Opened):
        joined = {x.room for x in copy.of(r.Joined, conn=opened.conn)}
        places += [(opened, x) for x in copy.of(r.Event) if x.room not in joined and copy.at(x) < copy.at(opened)]
    if places:
        opened, event = dice.choice(places)
        copy.put(msgspec.structs.replace(event, conn=opened.conn, via="live"), after=opened)
    return bool(places)


@mutant("I8")
def an_event_goes_to_the_wrong_room(copy: Copy, dice: random.Random) -> bool:
    places = [pair for pair in copy.pairs() if pair[0].seq > 1]
    if places:
        event = dice.choice(places)[0]
        event.room = dice.choice([x.room for x in copy.of(r.Joined) if x.room != event.room])
    return bool(places)


@mutant("I9")
def a_join_leads_too_far(copy: Copy, dice: random.Random) -> bool:
    places = [x for x in copy.of(r.Joined) if len(copy.of_room(x.conn, x.room)) > 2 and x.since is None and x.seq > 1]
    if place := one(dice, places):
        place.seq += 3
    return bool(places)


@mutant("I16")
def a_resume_goes_back(copy: Copy, dice: random.Random) -> bool:
    places = [x for x in copy.of(r.Joined, reset=False) if (x.since or 0) > 1]
    if place := one(dice, places):
        i = copy.at(place)
        del copy.records[i + 1 : i + 1 + place.seq - (place.since or 0)]
        place.seq = (place.since or 0) - 1
    return bool(places)


@mutant("I16")
def a_reset_goes_back(copy: Copy, dice: random.Random) -> bool:
    if place := one(dice, copy.of(r.Reset)):
        events = [x for x in copy.of(r.Event, via="reset", conn=place.conn, room=place.room) if x.seq <= place.seq]
        for event in events:
            if copy.at(event) > copy.at(place):
                copy.drop(event)
        place.seq = 1
    return place is not None


@mutant("I16")
def an_epoch_changes_unsaid(copy: Copy, dice: random.Random) -> bool:
    places = [x for x in copy.of(r.Joined, reset=False) if x.since is not None]
    if place := one(dice, places):
        place.epoch = "other"
    return bool(places)


@mutant("I8")
def a_reset_is_not_told(copy: Copy, dice: random.Random) -> bool:
    places = []
    for reset in copy.of(r.Reset):
        moves = copy.of_room(reset.conn, reset.room)
        after = [x for x in moves[moves.index(reset) + 1 :] if not (isinstance(x, r.Event) and x.via == "reset")]
        if after and isinstance(after[0], r.Event) and after[0].via == "live":
            places.append(reset)
    if place := one(dice, places):
        copy.drop(place)
    return bool(places)


# -- what stands at a seq ----------------------------------------------------------------------------------------------


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


@mutant("I1")
def an_ack_names_another_id(copy: Copy, dice: random.Random) -> bool:
    if places := [ok for invoke, ok in copy.acked() if copy.everywhere(invoke.room, ok.seq)]:
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
    if places := [x for x in copy.acked() if copy.of(r.Event, room=x[0].room, seq=x[1].seq)]:
        invoke, ok = dice.choice(places)
        for shown in copy.everywhere(invoke.room, ok.seq):
            if shown.text == invoke.text:
                shown.text += "!"
    return bool(places) and any(x.text for x in copy.of(r.Event, room=invoke.room, seq=ok.seq))


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
    acked = copy.acked()
    places = [(a, b) for x, a in acked for y, b in acked if x.room == y.room and x.cid != y.cid]
    if places:
        a, b = dice.choice(places)
        a.seq = b.seq
    return bool(places)


@mutant("I5")
def nobody_is_given_a_seq(copy: Copy, dice: random.Random) -> bool:
    acks = {
        (invoke.room, ok.seq)
        for op in ("send", "edit", "delete", "react", "leave", "kick")
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
    places = [x for x in copy.of(r.Fail, code="conflict") if copy.calls[x.call].cid in acked]
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
        if any(x.conn not in clients for x in joins):
            continue  # may be his
        joins = [x for x in joins if x.conn in conns]
        if not [x for x in joins if copy.at(x) > copy.at(invoke)]:
            answers = [*copy.of(r.Joined), *copy.of(r.Fail)]
            answered = {x.call for x in answers if copy.at(x) < copy.at(invoke)}
            if all(x.call in answered for x in joins):
                places.append((opened.client, invoke.room, ok))
    if places:
        client, room, ok = dice.choice(places)
        copy.put(r.Page(0, ok.t + 1, client, room, []), after=copy.records[-1])
    return bool(places)


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
    last.unread = last.seq - last.read_seq
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
    dice.choice(copy.of(r.Unread)).unread += 1
    return True


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
        last.unread = last.seq - 1
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
def sends_are_put_off(copy: Copy, dice: random.Random) -> bool:
    faults = copy.of(r.Fault)
    refused = [x for x in copy.of(r.Fail) if copy.calls[x.call].op == "send" and (not faults or x.t < faults[0].t)]
    if place := one(dice, refused):
        place.code = "overloaded"
    return bool(refused)
