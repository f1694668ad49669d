"""Every sentence of PROTOCOL.md and of the Python guide that says never, always, within or at most is kept by a test.

A new such sentence needs a row here: a part of it, and the test that fails when it is not so.
"""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORDS: Final = re.compile(r"\b(never|always|within|at most)\b", re.I)

KEPT: Final = {
    "protocol/PROTOCOL.md": {
        "at most `max_frame` bytes (64 KiB) and 256 fragments": "tests/unit/transports/websocket/test_frames.py::test_as_many_fragments_as_are_allowed",
        "Hello within 10 s": "tests/unit/transports/websocket/test_ending.py::test_no_hello_in_time",
        "at most 16 levels and 2,048 values": "tests/unit/protocol/native/test_codec.py::test_what_is_not_one_strict_json_object",
        "Have at most `window` commands of a connection waiting": "tests/unit/client/test_outbox.py::test_the_window_is_kept_and_queues_take_turns",
        "at most `room_window` (1) of those": "tests/scenario/test_outage.py::test_a_client_written_from_the_page_alone_brings_all_it_queued",
        "never put it in a URL": "tests/integration/bad_input/test_identity.py::test_a_token_in_the_url_is_neither_read_nor_logged",
        "at most 90 s after the token": "tests/unit/transports/native/test_session.py::test_a_connection_ends_with_its_token_unless_a_newer_one_is_shown",
        "at most `limit` of them": "tests/unit/delivery/test_joining.py::test_a_fresh_join_returns_the_newest_events",
        "within a `skip`": "tests/unit/delivery/test_room.py::test_joins_in_a_crowd_are_told_as_a_range",
        "a room that never was": "tests/unit/delivery/test_deletion.py::test_a_join_under_way_while_the_room_is_deleted_is_refused",
        "never:": "tests/unit/client/test_link.py::test_never_means_never",
        "never counts as [flood]": "tests/unit/transports/test_conduct.py::test_who_keeps_to_the_window_is_never_a_flooder",
        "back within 1.2 s": "tests/unit/client/test_backoff.py::test_the_wait_does_not_grow_with_the_outage_and_spreads_those_who_return",
        "if an ack never comes, simply send again": "tests/unit/transports/test_conduct.py::test_a_resend_of_what_is_stored_is_not_refused",
        "grows within a room": "tests/unit/core/test_ids.py::test_an_id_lies_above_the_rooms_newest",
        "at most `max_text` characters": "tests/unit/services/test_messages.py::test_text_is_normalised_and_its_bound_is_a_setting",
        "at most `max_data` bytes": "tests/unit/protocol/native/test_frame_sizes.py::test_the_parts_of_a_message",
        "At most one of `before`, `after`, `around` and `at`": "tests/integration/doors/test_doors.py::test_an_operation_is_the_same_through_every_door",
        "array of user ids, at most 50": "tests/unit/protocol/test_wording.py::test_every_field_of_every_command",
        "at most 50 are pinned in a room": "src/madang/testing/effects.py::pins_stand_once",
        "a room has at most 100": "src/madang/testing/access.py::invites_are_made_by_whom_may",
        "but for 24 hours at most": "src/madang/testing/bans.py::a_guests_ban_holds_for_where_they_come_from",
        "a room has at most 10,000": "tests/contract/test_sql.py::test_a_room_has_a_bounded_number_of_bans_and_of_mutes",
        "in force, at most 100": "src/madang/testing/access.py::invites_are_made_by_whom_may",
        "It is written within a second": "tests/unit/services/test_read_pointers.py::test_many_requests_share_a_few_writes",
        "It never falls, and a `seq` above": "tests/unit/services/test_read_pointers.py::test_a_pointer_never_falls",
        "within 20 ms is stored as one": "tests/unit/delivery/papers/test_writing.py::test_a_burst_of_many_is_one_update_and_all_have_it",
        "the newest first, at most 70": "src/madang/testing/versions.py::there_are_so_many_versions_at_most",
        "what was asked for never does": "src/madang/testing/versions.py::what_was_kept_by_itself_makes_way",
        "It is never stored, and goes": "tests/integration/yjs/test_native.py::test_what_is_shown_is_stamped_and_goes_with_its_connection",
        "A token is never taken from a URL": "tests/integration/test_streams.py::test_what_is_not_a_stream",
        "is told by `bye`": "tests/integration/test_streams.py::test_a_stream_ends_with_the_right_to_it_and_says_why",
        '"reconnect":"never"': "tests/integration/test_streams.py::test_a_stream_ends_with_the_right_to_it_and_says_why",
        "within a second on every node": "tests/scenario/fleet/test_streams.py::test_what_ends_on_one_node_ends_streams_on_the_other_in_a_second",
        "are ahead of the acknowledgements": "tests/integration/test_consumers.py::test_no_more_is_sent_than_the_window_until_some_is_acknowledged",
        "always seq 1": "tests/integration/test_conversations.py::test_conversation",
        "always the last event": "tests/unit/delivery/test_deletion.py::test_one_who_is_behind_catches_up_to_the_end_and_no_further",
        "at most four times a second": "tests/unit/delivery/test_ephemeral.py::test_only_the_last_read_pointer_of_a_tick_is_told",
        "at most one frame a second": "tests/unit/transports/test_watching.py::test_the_first_change_is_told_at_once_and_others_once_a_second",
        "It never falls:": "tests/unit/services/test_read_pointers.py::test_a_pointer_never_falls",
        "Within a version there are only additions": "tests/unit/client/test_link.py::test_what_is_not_known_is_let_pass",
    },
    "docs/guides/python.md": {
        "never a silent gap": "tests/integration/test_client.py::test_too_long_away_is_a_reset",
        "never gives up": "tests/unit/client/test_link.py::test_without_a_timeout_it_is_never_given_up",
        "| what waits | at most | beyond it |": "tests/unit/client/test_room.py::test_an_application_that_does_not_iterate_holds_nothing_up",
    },
}  # fmt: skip


def sentences(page: str) -> list[str]:
    """Return the sentences of a page that use one of the words, each on one line."""
    text = re.sub(r"<!-- made: .*?<!-- end -->", "", (ROOT / page).read_text("utf-8"), flags=re.S)
    blocks = [" ".join(block.split()) for block in re.split(r"\n\s*\n|\n(?=[|\-])", text)]
    return [s for block in blocks for s in re.split(r"(?<=[.:;])\s+", block) if WORDS.search(s)]


@pytest.mark.parametrize("page", KEPT)
def test_every_sentence_has_its_test(page: str) -> None:
    parts = KEPT[page]
    found = sentences(page)
    assert [s for s in found if not any(part in s for part in parts)] == []
    assert [part for part in parts if not any(part in s for s in found)] == [], "no longer on the page"


@pytest.mark.parametrize("test", sorted({test for parts in KEPT.values() for test in parts.values()}))
def test_every_test_is_there(test: str) -> None:
    file, _, name = test.partition("::")
    text = (ROOT / file).read_text("utf-8")
    assert re.search(rf"def {name}\(", text), test
