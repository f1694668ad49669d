"""The figures as pictures: one room, small rooms by rate, sockets. Madang in colour, everybody else in grey."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench.peers.catalogue import MADANG, Peer
from bench.peers.report import WHOLE, Result, columns
from bench.report import number

OURS, THEIRS, FAINT, INK, SOFT = "#2f7d5b", "#b9b4a7", "#e4e0d8", "#2b2b2b", "#77736a"
_SMALL: Final = ("small-rooms-low", "small-rooms-middle", "small-rooms-high")
_STYLE: Final[dict[str, Any]] = {
    "font.size": 9.5, "axes.edgecolor": SOFT, "axes.labelcolor": SOFT, "text.color": INK, "xtick.color": SOFT,
    "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False,
    "axes.titlesize": 10.5, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.titlepad": 10,
}  # fmt: skip


def draw(result: Result, place: Path) -> None:
    """Draw NAME-room.png, NAME-small.png and NAME-sockets.png, as far as there are figures."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    with plt.rc_context(_STYLE):
        for kind, paint in (("room", _room), ("small", _small), ("sockets", _sockets)):
            figure = plt.figure(figsize=(11, 4.8), layout="constrained")
            paint(result, figure)
            figure.savefig(
                place.with_name(f"{place.name}-{kind}.png"), dpi=130, facecolor="white", metadata={"Software": None}
            )
            plt.close(figure)


def _room(result: Result, figure: Any) -> None:
    left, right = figure.subplots(1, 2)
    figure.suptitle("One room of 1,000 sockets, server on one core", x=0.01, ha="left", fontsize=9.5, color=SOFT)

    def cost(peer: Peer, value: float) -> str:
        return number(value) + (f"  at {number(peer.quiet)} msg/s" if peer.quiet != 50 else "")

    _bars(left, columns(result, "quiet-room", "cpu_us_delivery"), cost, log=True)
    left.set_title("CPU µs per delivery, 50 msg/s (log scale; less is better)")

    def reached(peer: Peer, value: float) -> str:
        share = result.value(peer.name, "hot-room", "delivered_share") or 0.0
        return number(value) + ("" if share >= WHOLE else f"  {share:.0%} arrived in time")

    _bars(right, columns(result, "hot-room", "per_second"), reached, best_first=-1)
    right.set_title("Deliveries per second, 1,000,000 offered (more is better)")
    right.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:,.0f}k" if value else "0")


def _bars(
    axes: Any,
    found: list[tuple[Peer, float]],
    label: Callable[[Peer, float], str],
    *,
    best_first: int = 1,
    log: bool = False,
) -> None:
    """Draw horizontal bars, the best on top, with the figure beside each."""
    rows = sorted(found, key=lambda pair: pair[1] * best_first, reverse=True)
    if not rows:
        return
    most = max(value for _, value in rows)
    for place, (peer, value) in enumerate(rows):
        ours = peer is MADANG
        axes.barh(place, value, 0.7, color=OURS if ours else THEIRS)
        weight = "bold" if ours else "normal"
        axes.annotate(
            label(peer, value), (value, place), (5, 0), textcoords="offset points", va="center", fontweight=weight
        )
    axes.set_yticks(range(len(rows)), [peer.title for peer, _ in rows])
    for tick, (peer, _) in zip(axes.get_yticklabels(), rows, strict=True):
        tick.set_fontweight("bold" if peer is MADANG else "normal")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    if log:
        axes.set_xscale("log")
        axes.set_xlim(min(value for _, value in rows) / 3, most * 12)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.minorticks_off()
    else:
        axes.set_xlim(0, most * 1.45)


def _small(result: Result, figure: Any) -> None:
    axes = figure.subplots()
    ends = []
    for peer in result.peers():
        points = []
        for name, rate in zip(_SMALL, peer.small, strict=True):
            p99, share = (result.value(peer.name, name, key) for key in ("p99", "delivered_share"))
            if p99:
                points.append((rate, p99, (share or 0.0) >= WHOLE))
        if not points:
            continue
        ours = peer is MADANG
        colour, width, front = (OURS, 2.6, 3) if ours else (THEIRS, 1.4, 2)
        rates, values = [x for x, _, _ in points], [y for _, y, _ in points]
        axes.plot(rates, values, color=colour, lw=width, zorder=front)
        for rate, p99, whole in points:
            axes.plot(
                rate, p99, "o", ms=6 if ours else 4.5, color=colour, mfc=colour if whole else "white", zorder=front + 1
            )
        ends.append((peer, rates[-1], values[-1]))
    axes.set_xscale("log"), axes.set_yscale("log")
    for scale in (axes.xaxis, axes.yaxis):
        scale.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.grid(axis="y", color=FAINT, lw=0.8), axes.set_axisbelow(True)
    axes.set_xlabel("messages per second, all rooms together (log scale)")
    axes.set_title("500 rooms of 2 sockets, everybody sends: p99 of delivery in ms (log scale; less is better)")
    axes.annotate("a hollow point: not everything arrived in time", (0, 1), (0, -4), "axes fraction",
                  textcoords="offset points", va="top", color=SOFT)  # fmt: skip
    _name_lines(axes, ends)


def _name_lines(axes: Any, ends: list[tuple[Peer, float, float]]) -> None:
    """Write each line's name at its right end; names that would touch are moved apart."""
    axes.margins(x=0.05)
    for at in sorted({rate for _, rate, _ in ends}):
        below = -1e9
        for peer, rate, p99 in sorted((end for end in ends if end[1] == at), key=lambda end: end[2]):
            pixels = axes.transData.transform((rate, p99))[1]
            height = max(pixels, below + 15)
            below = height
            ours = peer is MADANG
            axes.annotate(
                peer.title, (rate, p99), (9, (height - pixels) * 72 / axes.figure.dpi), textcoords="offset points",
                va="center", color=OURS if ours else SOFT, fontweight="bold" if ours else "normal", annotation_clip=False,
            )  # fmt: skip


def _sockets(result: Result, figure: Any) -> None:
    left, right = figure.subplots(1, 2)
    _bars(left, columns(result, "idle", "kb_per_socket"), lambda _, value: number(value))
    left.set_title("KB of server memory per idle socket (less is better)")

    def back(peer: Peer, value: float) -> str:
        got = result.value(peer.name, "reconnect", "recovered_share") or 0.0
        told = "got all they missed" if got >= WHOLE else "" if got < 0.01 else f"got {got:.0%} of what they missed"
        few = f"{number(peer.crowd)} sockets" if peer.crowd != MADANG.crowd else ""
        return "  ".join(text for text in (number(value), told, few) if text)

    _bars(right, columns(result, "reconnect", "live_s"), back)
    right.set_title("Seconds until 10,000 cut sockets are live again (less is better)")
