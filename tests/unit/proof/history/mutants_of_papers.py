"""Mutants of what copies of a paper have."""

import random

from madang_proof.history import records as r
from tests.unit.proof.history.mutants import Copy, mutant, one


def copies(copy: Copy, *, fetched: bool = False) -> list[r.Replica]:
    """Return copies, with lists of their own."""
    found = [each for each in copy.of(r.Replica) if not (fetched and each.followed)]
    for each in found:
        each.words = list(each.words)
    return found


@mutant("I24")
def a_saved_word_is_lost(copy: Copy, dice: random.Random) -> bool:
    taken = {x.word for x in copy.of(r.Wrote, gone=True)}
    place = one(dice, [x for x in copy.of(r.Saved, gone=False) if x.word not in taken])
    if place is not None:
        for each in copies(copy):
            if each.t > place.t and place.word in each.words:
                each.words.remove(place.word)
                each.state = " ".join(each.words)
    return place is not None


@mutant("I24")
def a_word_that_was_seen_is_lost(copy: Copy, dice: random.Random) -> bool:
    """Its writer was not told that it is saved, and somebody else had it in a copy."""
    taken = {x.word for x in copy.of(r.Wrote, gone=True)}
    saved = {x.word for x in copy.of(r.Saved)}
    writers = {x.word: x.client for x in copy.of(r.Wrote)}
    every = copies(copy)
    places = []
    for n, seen in enumerate(every):
        for word in seen.words:
            later = [x for x in every[n + 1 :] if not x.followed and x.asked > seen.t]
            if word not in taken | saved and writers[word] != seen.client and later:
                places.append((seen, word))
    place = dice.choice(places) if places else None
    if place is not None:
        seen, word = place
        for each in every:
            if each.t > seen.t and word in each.words:
                each.words.remove(word)
                each.state = " ".join(each.words)
    return place is not None


@mutant("I24")
def a_word_that_was_taken_out_is_back(copy: Copy, dice: random.Random) -> bool:
    places = [(x, y) for x in copy.of(r.Saved, gone=True) for y in copies(copy, fetched=True) if y.asked > x.t]
    place = dice.choice(places) if places else None
    if place is not None:
        saved, back = place
        back.words.append(saved.word)
    return place is not None


@mutant("I24")
def a_word_is_there_twice(copy: Copy, dice: random.Random) -> bool:
    place = one(dice, [x for x in copies(copy) if x.words])
    if place is not None:
        place.words.append(place.words[0])
    return place is not None


@mutant("I24")
def a_word_is_nobodys(copy: Copy, dice: random.Random) -> bool:
    place = one(dice, copies(copy))
    if place is not None:
        place.words.append("invented")
    return place is not None


@mutant("I24")
def copies_differ_in_their_order(copy: Copy, dice: random.Random) -> bool:
    place = one(dice, [x for x in copies(copy) if x.final and len(x.words) > 1])
    if place is not None:
        place.words.reverse()
    return place is not None


@mutant("I24")
def copies_differ_in_their_bytes(copy: Copy, dice: random.Random) -> bool:
    place = one(dice, [x for x in copies(copy) if x.final])
    if place is not None:
        place.state += "?"
    return place is not None
