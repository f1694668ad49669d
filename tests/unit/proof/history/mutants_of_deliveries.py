"""Mutants of deliveries: what a connection is given, and where it is taken to."""

import random

import msgspec

from madang_proof.history import Record
from madang_proof.history import records as r
from tests.unit.proof.history.mutants import Copy, mutant, one


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
