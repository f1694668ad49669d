"""Who gets which frames. Each is made once for all who are framed alike, and written to each at once."""

from collections.abc import Callable

from madang.delivery.papers.follower import Follower
from madang.delivery.papers.live import LivePaper


def relay(live: LivePaper, data: bytes, but: Follower | None = None) -> None:
    """Write the update `live.seq` to all followers but one; whoever is over their byte budget reads it from the log later."""
    frame = _framed(lambda follower: follower.frame_update(data))
    for follower in live.followers:
        if follower is but or follower in live.behind:
            continue
        if follower.behind:
            live.behind[follower] = live.seq - 1
        else:
            follower.write(frame(follower))


def show_changed(live: LivePaper) -> None:
    """Write what is news of what clients show to all followers who take something now: the others are shown the next change."""
    changed, live.changed = list(live.changed.values()), {}
    frame = _framed(lambda follower: follower.frame_shown(changed))
    for follower in live.followers if changed else ():
        if not follower.behind:
            follower.write(frame(follower))


def _framed(make: Callable[[Follower], bytes]) -> Callable[[Follower], bytes]:
    frames: dict[object, bytes] = {}

    def frame(follower: Follower) -> bytes:
        if (made := frames.get(follower.framing)) is None:
            made = frames[follower.framing] = make(follower)
        return made

    return frame
