"""What a request showed is judged again where much time has passed since: it may have ended meanwhile.

A token, a session or a key is judged when the head of a request has come. Its body may take seconds, and so may a page that waits for
its turn; what ends ends within a second for all that.
"""

from typing import Final, NamedTuple

from starlette.datastructures import State

from madang.transports.node import Node

LATE_S: Final = 0.5
"""From one judgement to the next at least: an ordinary request is answered by then."""


class Shown(NamedTuple):
    """What a request showed, and when that was judged, in loop time."""

    credential: str
    at: float


def note(node: Node, state: State, credential: str) -> None:
    """Note what a request has shown, which holds now."""
    state.shown = Shown(credential, node.turns.time())


async def judge_again(node: Node, state: State) -> None:
    """Raise Refused (bad_token) if what a request showed long ago no longer holds."""
    shown: Shown | None = getattr(state, "shown", None)
    if shown is not None and node.turns.time() - shown.at >= LATE_S:
        await node.identity.judge_again(shown.credential, node.now())
        note(node, state, shown.credential)
