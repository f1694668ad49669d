"""Error and close codes as data. Made by `scripts/generate` from protocol/codes.toml: edit that file."""

from typing import Final, NamedTuple


class ErrorCode(NamedTuple):
    """One error a command or request can be answered with; `then` is what a client does: see protocol/codes.toml."""

    message: str
    http: int
    temporary: bool
    then: str


class CloseCode(NamedTuple):
    """One reason a connection can be closed for; `reconnect` is "resume", "later" or "never"."""

    name: str
    reconnect: str
    meaning: str


ERRORS: Final[dict[str, ErrorCode]] = {
    "bad_json": ErrorCode("This is not one JSON object.", 400, False, "tell"),
    "bad_field": ErrorCode("A field is missing, or has the wrong type or range.", 400, False, "tell"),
    "bad_text": ErrorCode("The text contains characters that are not allowed.", 400, False, "tell"),
    "bad_words": ErrorCode("The message has a word that is not allowed here.", 400, False, "tell"),
    "bad_name": ErrorCode("This name cannot be used.", 400, False, "tell"),
    "empty": ErrorCode("There is nothing to send.", 400, False, "tell"),
    "too_big": ErrorCode("The text, data or list is larger than allowed.", 413, False, "tell"),
    "unknown_op": ErrorCode("This server does not know that operation.", 400, False, "tell"),
    "hello_first": ErrorCode("The first command must be hello.", 401, False, "hello"),
    "hello_twice": ErrorCode("This connection has already said hello.", 400, False, "tell"),
    "bad_version": ErrorCode("This server does not speak that protocol version.", 400, False, "tell"),
    "bad_token": ErrorCode("The token is not valid, or has expired.", 401, False, "tell"),
    "wrong_password": ErrorCode("Login and password do not belong together.", 401, False, "tell"),
    "bad_password": ErrorCode("This cannot be a password.", 400, False, "tell"),
    "login_taken": ErrorCode("This login is taken, or looks like one that is.", 409, False, "tell"),
    "no_guests": ErrorCode("This server has no guests.", 403, False, "tell"),
    "forbidden": ErrorCode("Your role does not allow this.", 403, False, "tell"),
    "no_scope": ErrorCode("The server key may not be used for this.", 403, False, "tell"),
    "not_found": ErrorCode("This room or message does not exist, or you may not see it.", 404, False, "tell"),
    "not_member": ErrorCode("You have not joined this room.", 403, False, "join"),
    "gone": ErrorCode("This message has been deleted.", 410, False, "tell"),
    "room_exists": ErrorCode("A room with this id already exists.", 409, False, "tell"),
    "paper_exists": ErrorCode("There is a paper with this id already, here or in another room.", 409, False, "tell"),
    "finished": ErrorCode("The paper is finished; nobody writes in it any more.", 409, False, "tell"),
    "conflict": ErrorCode("This cid was already used for different content.", 409, False, "tell"),
    "last_owner": ErrorCode("You are the last owner of a room with other members.", 409, False, "tell"),
    "too_many": ErrorCode("The limit on rooms, memberships, reactions or pins has been reached.", 409, False, "tell"),
    "rate_limited": ErrorCode("Too many requests in a short time.", 429, True, "wait"),
    "kicked": ErrorCode("You were kicked from this room.", 403, False, "tell"),
    "banned": ErrorCode("You are banned from this room.", 403, False, "tell"),
    "muted": ErrorCode("You are muted in this room.", 403, False, "tell"),
    "archived": ErrorCode("This room is archived: it can be read, and nobody writes.", 403, False, "tell"),
    "slow_mode": ErrorCode("This room is in slow mode.", 429, True, "wait"),
    "quota": ErrorCode("As much of this as a day allows has been made.", 429, False, "tell"),
    "overloaded": ErrorCode("The server is overloaded.", 503, True, "wait"),
    "draining": ErrorCode("This node is restarting.", 503, True, "reconnect"),
    "storage_full": ErrorCode("The disk is full; nothing was stored.", 507, True, "wait"),
    "storage_failed": ErrorCode(
        "The storage did not confirm: the message may or may not be stored.", 503, True, "wait"
    ),
    "not_allowed": ErrorCode("This path does not support that method.", 405, False, "tell"),
    "not_websocket": ErrorCode("This path is for WebSockets.", 426, False, "tell"),
    "bad_http": ErrorCode("This is not an HTTP request the server accepts.", 400, False, "tell"),
    "wrong_host": ErrorCode("This server does not answer to that host name.", 421, False, "tell"),
    "bad_type": ErrorCode("The body is not application/json.", 415, False, "tell"),
    "head_too_big": ErrorCode("The request line and headers are too large.", 431, False, "tell"),
    "internal": ErrorCode("Something went wrong in the server; it has been logged.", 500, True, "try"),
}

CLOSES: Final[dict[int, CloseCode]] = {
    1000: CloseCode("normal", "never", "The client closed."),
    1001: CloseCode("going_away", "resume", "The server or the page is going away."),
    1002: CloseCode("protocol_error", "never", "A frame breaks RFC 6455."),
    1003: CloseCode("not_text", "never", "A binary message was sent where only text is accepted."),
    1007: CloseCode("bad_utf8", "never", "A text frame is not UTF-8."),
    1008: CloseCode("policy", "never", "Too many fragments in one message."),
    1009: CloseCode("frame_too_big", "never", "A message is larger than max_frame."),
    1011: CloseCode("server_error", "later", "Something went wrong in the server; it has been logged."),
    1012: CloseCode("restart", "resume", "The node is restarting. The bye frame sent before says how long to wait."),
    1013: CloseCode("try_later", "later", "The node cannot serve this socket now; nothing is lost."),
    4400: CloseCode("bad_requests", "never", "20 bad frames in a row."),
    4401: CloseCode("unauthorised", "never", "A hello or refresh failed, or the token, its key or its session ended."),
    4404: CloseCode("no_paper", "never", "There is no such paper, or the user is not in its room (`/yjs`)."),
    4408: CloseCode("hello_timeout", "later", "No hello within 10 s of the handshake."),
    4409: CloseCode("too_slow", "resume", "The client did not read for 30 s while events waited."),
    4410: CloseCode("revoked", "never", "The user was deleted, or may not read the room of this paper or stream."),
    4411: CloseCode("disconnected", "never", "The user's application ended their connections."),
    4412: CloseCode("replaced", "never", "Another stream reads for this consumer now."),
    4413: CloseCode("removed", "never", "The consumer of this stream was removed."),
    4429: CloseCode("flood", "later", "The client kept sending after rate_limited."),
}
