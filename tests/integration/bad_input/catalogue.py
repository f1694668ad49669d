"""The catalogue of bad input: its rows as docs/reference/bad-input.md shows them, and the advisories of others that we test for.

What is sent, byte by byte, is in the tables (`frames.py`, `commands.py`, `handshakes.py`, `requests.py`) and in the tests named here;
the codes of a row are those of its cases in the tables, and `codes` of its other tests. `scripts/generate` makes the page.
"""

from typing import Final, NamedTuple

from tests.integration.bad_input.commands import COMMANDS, NAMES
from tests.integration.bad_input.frames import FRAMES
from tests.integration.bad_input.handshakes import HANDSHAKES
from tests.integration.bad_input.requests import REQUESTS

Code = int | str


class Row(NamedTuple):
    """One kind of bad input. `tests` are functions of this folder, beside the row's cases in the tables."""

    number: int
    comes: str
    answer: str
    codes: tuple[Code, ...] = ()
    tests: tuple[str, ...] = ()


class Advisory(NamedTuple):
    """A vulnerability found in another product. `test` is a function of test_advisories.py; "" where Madang has no such part yet."""

    id: str
    product: str
    hole: str
    here: str
    test: str = ""


GROUPS: Final[dict[str, list[Row]]] = {
    "Frames": [
        Row(1, "A frame that is not masked", "closed"),
        Row(2, "Reserved bits without an extension that defines them", "closed"),
        Row(3, "Reserved opcodes, 0x3 to 0x7 and 0xb to 0xf", "closed"),
        Row(4, "A ping of more than 125 bytes; a ping or a close in fragments", "closed"),
        Row(5, "A continuation of nothing; a text inside a fragmented one", "closed"),
        Row(6, "Text that is not UTF-8, also when split over fragments", "closed"),
        Row(7, "A close with a code that may not be sent, half a code, or a reason that is not UTF-8", "closed"),
        Row(8, "One frame, or fragments together, of more than 64 KiB; a length of 2^63 − 1", "closed before it is buffered"),
        Row(9, "10,000 empty fragments; a message that never ends", "closed by count, and by the time until hello",
            (4408,), ("test_who_says_nothing_is_let_go",)),
        Row(10, "A compressed message that inflates to 60 MiB; 20 at once before hello", "closed, memory bounded",
            (1009,), ("test_compression_bombs",)),
        Row(11, "Offers of compression with impossible parameters; fifty offers", "declined; the connection opens without compression",
            (), ("test_odd_offers_of_compression",)),
        Row(17, "A flood of pings or pongs", "closed; no task or timer was made for any of them", (), ("test_pings_and_pongs_before_hello",)),
        Row(54, "A packet of Socket.IO with a name that is not a string, places or counts that are wrong, or more than 10 attachments", "closed",
            (1002,), ("test_crafted_packets", "test_names_of_events_that_are_not_strings", "test_attachments_without_measure",
            "test_names_that_objects_have")),
        Row(53, "A message of `/yjs/{paper}` that is none: an update or state vector that cannot be decoded, values nested 100,000 deep, "
            "an awareness of a megabyte or of a thousand clients; a paper's id that is none",
            "closed, or refused; the paper is unchanged, and who else writes in it notices nothing", (4400, "bad_field", "bad_name", "not_found"),
            ("test_messages_that_papers_do_not_have", "test_names_that_objects_have_are_only_names",
             "test_requests_about_papers_that_are_none")),
        Row(56, "Binary", "closed"),
    ],
    "Handshakes and HTTP": [
        Row(12, "2,000 headers; a header, target, trailer or chunk extension without end", "refused, and the connection ends",
            ("head_too_big",)),
        Row(13, "A subprotocol with 30,000 spaces, or not in ASCII", "refused at once"),
        Row(14, "No key or a wrong one, another version, method or path, HTTP/1.0, HTTP/0.9, TLS", "refused"),
        Row(15, "A handshake of one byte a second; a connection that says nothing", "ended within 5 s, without an answer",
            (), ("test_who_says_nothing_is_let_go",)),
        Row(16, "A WebSocket without a hello", "closed after 10 s; until then it has no task of its own",
            (4408,), ("test_who_says_nothing_is_let_go", "test_who_has_not_said_hello_costs_no_task")),
        Row(55, "A payload of Engine.IO of 100 KB, or of more than 256 packets", "refused, and the session ends", (413, 400),
            ("test_payloads_without_measure",)),
        Row(18, "An origin that is null, a subdomain, another port, or contains ours",
            "refused; a request without an origin is accepted, since no cookie authenticates anybody",
            (403,), ("test_pages_of_foreign_origins_are_refused", "test_two_origins")),
        Row(57, "A length and chunks, two lengths, two hosts, folded headers, odd chunks, a fragment in the target",
            "refused, and the connection ends, so that no proxy can see another request in it", ("bad_http",)),
        Row(60, "Administration and metrics on the public listener; a forged X-Forwarded-For; a user's token on the admin listener",
            "not found; ignored; refused", ("not_found", "bad_token", "forbidden"),
            ("test_administration_is_not_at_the_front_door", "test_a_user_opens_no_door_of_the_administration",
             "test_sockets_of_one_address_are_counted")),
    ],
    "REST": [
        Row(61, "A Host that does not name this server, as from a page whose own name was made to lead here", "refused, on both listeners",
            ("wrong_host",), ("test_a_request_to_another_host_is_refused",)),
        Row(62, "A body that is not said to be JSON, or is compressed", "refused, so that no page of another site can send one"),
        Row(63, "A field or parameter that does not exist, is misspelt, missing, of another type, or twice; a body where none is read", "refused, and named"),
        Row(69, "1,001 items in a request for many; a megabyte and more, 50,000 values, one item of another shape",
            "refused whole, before anything is done", ("bad_field", "too_big"), ("test_a_request_for_many_is_refused_whole",)),
        Row(73, "The id of an event that is none, or of another room, to go on from; more of the newest than 200; a room that is not there",
            "refused before anything is opened", ("bad_field", "not_found"), ("test_ids_of_events_that_are_none",)),
        Row(74, "A stream without a token, with a wrong one, with one in the URL, or with a ticket that was used; a consumer of a user",
            "refused", ("bad_token", "bad_field", "forbidden"), ("test_who_may_not_have_a_stream",)),
        Row(75, "An acknowledgement of an event that there is not yet, of 1,001, or by a consumer that there is not; of another log",
            "refused; ignored", ("bad_field", "not_found"), ("test_acknowledgements_of_what_there_is_not",)),
        Row(76, "Another request, or anything, behind that for a stream, which would wait forever", "cut off",
            (), ("test_requests_behind_one_that_is_answered_for_good",)),
        Row(64, "A path or method that does not exist; the path of the WebSocket without an upgrade", "refused"),
    ],
    "Who is speaking": [
        Row(65, "A hello in a version of the protocol that is not spoken", "refused, with the version that is", ("bad_version",),
            ("test_a_version_that_is_not_spoken",)),
        Row(20, "A token in the URL", "not read, and not logged",
            ("hello_first", "bad_token"), ("test_a_token_in_the_url_is_neither_read_nor_logged",)),
        Row(21, "A token or ticket with algorithm none, or signed with another key or another way; a ticket that was used",
            "refused, and the connection is closed",
            ("bad_token", 4401), ("test_forged_tokens", "test_tickets_that_are_none")),
        Row(22, "A token for another audience or from another issuer, expired, not valid yet, without an expiry; with `jku`, `x5u`, or a path as `kid`",
            "refused; nothing is fetched, no file is read", ("bad_token", 4401), ("test_forged_tokens", "test_claims_that_do_not_hold")),
        Row(24, "A token that expires while its connection is open",
            "the connection is closed at most 90 s later, unless it has shown a newer one; a hello with it is refused",
            ("bad_token", 4401), ("test_claims_that_do_not_hold",)),
        Row(66, "A server key, for what it has no scope", "refused before anything is looked up", ("no_scope",),
            ("test_a_key_is_refused_for_what_it_is_not_for",)),
        Row(70, "A product's user under an id that only the server gives; the server itself or a key as a member", "refused", ("bad_field",),
            ("test_a_product_names_its_own_users_only",)),
        Row(71, "A token that a server key made, once the key is dropped or has ended",
            "refused; the connection that came with it is closed within a second", ("bad_token", 4401),
            ("test_a_token_is_worth_no_more_than_the_key_that_made_it",)),
        Row(72, "A body that comes half a second after the head and later, when the token, session or key shown has ended; a page read as slowly",
            "refused; nothing is stored, and nothing is answered that was read", ("bad_token",),
            ("test_a_body_that_comes_after_the_end_does_nothing", "test_what_was_read_before_the_end_is_not_answered_after_it",
             "test_half_a_second_is_late")),
        Row(32, "A sender, seq, id, time or role chosen by the client", "ignored: the server sets them",
            (), ("test_what_the_client_says_of_itself_is_ignored",)),
        Row(37, "Names and titles with invisible characters; they and ids of users with ones that change the direction of text, or that terminals obey",
            "refused"),
        Row(38, "Names that look like reserved ones, mix scripts, or grow when normalised", "refused"),
    ],
    "Passwords": [
        Row(67, "A password with NUL or half a character, of 10 MB, not normalised (NFC), in the URL; an object in its place",
            "refused before it is hashed; in another spelling of Unicode it is the same password; not logged",
            ("bad_password", "bad_text", "bad_field", "too_big"),
            ("test_odd_passwords", "test_a_password_of_ten_megabytes", "test_a_password_in_another_spelling_of_unicode",
             "test_a_password_in_the_url_is_neither_read_nor_logged")),
        Row(68, "A flood of sign-ins: for one login, for many, from one address, from many; for logins that nobody has",
            "told to wait, while who has the login is let in from where they were before; an unknown login is answered as a wrong password is, after as long",
            ("wrong_password", "rate_limited", "overloaded"),
            ("test_a_flood_of_sign_ins_waits", "test_more_sign_ins_at_once_than_may_wait",
             "test_an_unknown_login_costs_a_hash_as_a_wrong_password_does")),
    ],
    "Commands": [
        Row(25, "Not JSON; an array, a number, null; a byte order mark; 20 such in a row", "refused; then closed"),
        Row(26, "60,000 brackets, 4,400 digits, NaN, Infinity, 1e999", "refused"),
        Row(27, "The same key twice, also when spelt with an escape, also deep inside", "refused: the last one does not silently win"),
        Row(28, "A lone surrogate, NUL, a noncharacter", "refused"),
        Row(29, "A number that is too large, a fraction, a boolean, an object in place of a seq", "refused"),
        Row(30, 'An object in place of a string, such as `{"$ne":null}`', "refused"),
        Row(31, "An unknown operation; one before hello, or in a room that is not followed; a second hello", "refused; 20 in a row: closed"),
        Row(33, "A cid that is empty, too long, or was used for something else", "refused; what is stored is unchanged",
            ("conflict",), ("test_a_cid_belongs_to_its_user",)),
        Row(34, "The cid of another user", "is another cid: they do not meet", (), ("test_a_cid_belongs_to_its_user",)),
        Row(35, "Text that is empty or invisible", "refused"),
        Row(36, "16,000 combining marks on a letter", "refused before anything is normalised, which would take quadratic time"),
        Row(39, "Markup, scripts, `javascript:` links", "text like any other, stored as it is; pages must show it as text",
            (), ("test_markup_and_sql_are_text",)),
        Row(40, "A room id with dots, slashes, braces, stars, spaces, line ends", "refused"),
        Row(41, "A page of −1, 0 or 10^9; before and after at once; far beyond the log", "refused; or empty, at the cost of one read",
            (), ("test_pages_far_away_are_empty_and_cheap",)),
        Row(45, "SQL in any string", "stays plain text", (), ("test_markup_and_sql_are_text",)),
        Row(52, "A megabyte in a frame; 20 KB, 1,500 keys or 2,100 values of data; 9 KB of `ping`; too long a text, title or list", "closed; or refused"),
    ],
    "Rooms": [
        Row(42, "A room that the user may not see, has left, or guesses", "answers like a missing room, word for word, after reading as much",
            ("not_found", "not_member"),
            ("test_a_room_one_may_not_see_answers_like_one_that_is_missing", "test_a_hidden_room_costs_what_a_missing_one_costs",
             "test_who_has_left_reads_nothing")),
        Row(43, "A position with a forged epoch, beyond the log, or of a room that the user was kicked from",
            "a reset; or an answer like that of a missing room",
            ("not_found",), ("test_a_forged_position_is_reset", "test_a_position_does_not_open_a_hidden_room", "test_a_position_does_not_outlive_a_kick")),
        Row(51, "Following more rooms than a connection may", "refused", ("too_many",), ("test_too_many_rooms",)),
    ],
    "Floods": [
        Row(49, "1,000 sends a second of one user, on one connection or on many; 50 users in one room; 600 connections from one address",
            "told to wait; then closed; further connections are refused", ("rate_limited", 4429, 429, 503),
            ("test_a_flooder_waits_and_then_goes", "test_waiting_as_told_is_enough", "test_a_user_has_one_bucket_on_all_connections",
             "test_a_room_has_one_bucket_for_all", "test_sockets_of_one_address_are_counted")),
        Row(50, "Joining and leaving in turns; a flood of typing, read pointers, presence", "told to wait; what is accepted is coalesced",
            ("rate_limited",), ("test_join_and_leave_in_turns", "test_a_flood_of_small_commands_is_limited")),
    ],
}  # fmt: skip

OTHER_CAUSES: Final[dict[str, tuple[Code, ...]]] = {
    "the state of a room or a user, or a setting, does not allow a command that is well-formed": (
        "no_guests", "login_taken", "gone", "room_exists", "paper_exists", "finished",
        "last_owner", "kicked", "banned", "muted", "bad_words", "archived", "slow_mode", "quota",
        4404, 4410, 4411, 4412, 4413),
    "the server cannot just now, or is going away": (
        "draining", "storage_full", "storage_failed", "internal", 1001, 1011, 1012, 1013),
    "the client ends the connection, or reads too slowly": (1000, 4409),
}  # fmt: skip
"""Codes that bad input is not answered with, by what they say."""

OFFERS_NOTHING: Final = {
    48: "Patterns written by users: no operation takes any.",
    59: "Links and webhooks to addresses inside the network: the server fetches nothing.",
}
"""Rows that have nothing to answer to."""

NOT_YET: Final = {
    "search": (44, 46, 47),
    "cookies": (19,),
    "tokens of other issuers": (23,),
    "campaigns": (58,),
}
"""Rows about what Madang does not have yet."""

ADVISORIES: Final = [
    Advisory("CVE-2026-44545", "Daphne", "unbounded frames and messages, before login", "row 8", "test_frames_without_measure"),
    Advisory("CVE-2026-27889", "NATS", "a malformed frame ends the server", "rows 1 to 8", "test_malformed_frames"),
    Advisory("CVE-2026-27571", "NATS", "a compression bomb before login", "row 10", "test_compression_bombs"),
    Advisory("CVE-2018-1000518", "websockets", "a compression bomb", "row 10", "test_compression_bombs"),
    Advisory("CVE-2026-48802", "python-engineio", "a task for every pong, before login", "rows 16, 17", "test_pings_and_pongs_before_hello"),
    Advisory("CVE-2024-37890", "ws", "too many headers end the server", "row 12", "test_heads_without_measure"),
    Advisory("CVE-2026-22815", "aiohttp", "headers and trailers take unbounded memory", "row 12", "test_heads_without_measure"),
    Advisory("CVE-2021-32640", "ws", "a subprotocol that takes quadratic time", "row 13", "test_odd_subprotocols"),
    Advisory("Granian", "Granian", "a subprotocol that is not ASCII ends a worker", "row 13", "test_odd_subprotocols"),
    Advisory("CVE-2022-21676", "engine.io", "a crafted request ends the server", "rows 14, 57", "test_crafted_requests"),
    Advisory("GHSA-f53g-frr2-jhpf", "Gitpod", "a foreign page opens a WebSocket as the user", "row 18", "test_foreign_pages"),
    Advisory("CVE-2019-13611", "python-engineio", "a foreign page opens a WebSocket as the user", "row 18", "test_foreign_pages"),
    Advisory("CVE-2026-32301", "Centrifugo", "a token makes the server fetch a URL before it is verified",
             "row 22", "test_tokens_that_name_where_to_look"),
    Advisory("CVE-2026-49998", "Centrifugo", "a key cached only by `kid` crosses tenants", "row 22", "test_tokens_that_name_where_to_look"),
    Advisory("CVE-2020-35681", "Channels", "answers reach another user", "200 users at once", "test_everybody_gets_his_own_answers"),
    Advisory("CVE-2021-22911", "Rocket.Chat", "an object in place of a string is a query", "row 30", "test_objects_are_no_queries"),
    Advisory("CVE-2026-23477", "Rocket.Chat", "a secret that every user can read", "row 60", "test_no_secret_is_in_an_answer"),
    Advisory("CVE-2017-5589", "XMPP clients", "the sender of a copied message is whoever the copy says", "row 32", "test_the_sender_is_who_sent_it"),
    Advisory("CVE-2020-26547", "XMPP clients", "the sender of an archived message is whoever the archive says", "row 32", "test_the_sender_is_who_sent_it"),
    Advisory("CVE-2024-31208", "Synapse", "accepted events that exhaust the server later",
             "odd events, then every way to read", "test_an_event_that_was_taken_can_be_read"),
    Advisory("CVE-2026-45076", "Synapse", "accepted events that break paging",
             "odd events, then every way to read", "test_an_event_that_was_taken_can_be_read"),
    Advisory("CVE-2022-39374", "Synapse", "an accepted event that makes a room unusable",
             "odd events, then every way to read", "test_an_event_that_was_taken_can_be_read"),
    Advisory("CVE-2026-1629", "Mattermost", "previews outlive the right to see them", "row 43", "test_nothing_of_a_room_outlives_the_membership"),
    Advisory("CVE-2025-61765", "python-socketio", "pickles from the queue between nodes are executed",
             "envelopes are signed, and hold no pickle", "test_a_pickle_from_the_bus_is_not_run"),
    Advisory("CVE-2026-28759", "Mattermost", "a node removes members of rooms it may not touch",
             "envelopes are signed", "test_only_nodes_of_the_installation_remove_members"),
    Advisory("CVE-2023-32695", "socket.io-parser", "an event name that is not a string ends the server", "row 54", "test_names_of_events_that_are_not_strings"),
    Advisory("CVE-2024-38355", "socket.io", "a crafted packet ends the server", "row 54", "test_crafted_packets"),
    Advisory("CVE-2026-24692", "Mattermost", "guests find by search what they may not read", "no search yet"),
]  # fmt: skip


def codes(row: Row) -> list[Code]:
    """Return the codes that a row is answered with: those of its cases in the tables, and its own."""
    found: list[Code] = []
    for number, _, _, expected in [*FRAMES, *COMMANDS, *HANDSHAKES, *REQUESTS]:
        if number == row.number:
            found += expected if isinstance(expected, tuple) else [expected]
    found += ["bad_name" for number, _ in NAMES if number == row.number]
    return list(dict.fromkeys([*found, *row.codes]))


def count(row: Row) -> int:
    """Return how many cases and tests a row has."""
    tables = [number for number, *_ in [*FRAMES, *COMMANDS, *HANDSHAKES, *REQUESTS, *NAMES]]
    return tables.count(row.number) + len(row.tests)
