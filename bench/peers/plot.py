"""The figures as pictures: one room, small rooms by rate, sockets. Madang in colour, everybody else in grey."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from bench.driving import BACK_SECONDS
from bench.peers.catalogue import MADANG, MADANG_DOORS, Peer
from bench.peers.report import WHOLE, Result, columns
from bench.report import number

OURS, THEIRS, LIMIT, FAINT, INK, SOFT = "#2f7d5b", "#b9b4a7", "#dcd8cf", "#e4e0d8", "#2b2b2b", "#77736a"
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
            figure = plt.figure(figsize=(12, 5), layout="constrained")
            paint(result, figure)
            figure.savefig(
                place.with_name(f"{place.name}-{kind}.png"), dpi=130, facecolor="white", metadata={"Software": None}
            )
            plt.close(figure)


def _room(result: Result, figure: Any) -> None:
    left, right = figure.subplots(1, 2)

    def cost(peer: Peer, value: float) -> str:
        return f"{value:.3g}" + (f"  at {number(peer.quiet)} msg/s" if peer.quiet != 50 else "")

    _bars(left, columns(result, "quiet-room", "cpu_us_delivery"), cost, log=True)
    _title(left, "CPU per delivery", "µs; one room of 1,000 sockets, 50 msg/s; log scale, less is better")

    def reached(peer: Peer, value: float) -> str:
        share = result.value(peer.name, "hot-room", "delivered_share") or 0.0
        told = "" if share >= WHOLE else f"  {share:.0%} in time" if share >= 0.01 else "  under 1% in time"
        return number(value) + told

    _bars(right, columns(result, "hot-room", "per_second"), reached, best_first=-1)
    _title(right, "Deliveries per second", "the same room, 1,000,000 a second offered; more is better")
    right.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:,.0f}k" if value else "0")
    right.locator_params(axis="x", nbins=4)


def _title(axes: Any, text: str, subtitle: str) -> None:
    """Write a title that begins where the names do, with what is measured below it in grey."""
    axes.set_title(" ", pad=24)
    where = {"xycoords": ("figure fraction", "axes fraction"), "annotation_clip": False}
    box = axes.get_subplotspec().get_position(axes.figure)
    left = 0.008 if box.x0 < 0.3 else 0.512
    for line, offset, style in (
        (text, 25, {"fontsize": 11.5, "fontweight": "bold"}),
        (subtitle, 10, {"color": SOFT, "fontsize": 9}),
    ):
        axes.annotate(line, (left, 1), (0, offset), textcoords="offset points", **where, **style)


def _bars(
    axes: Any,
    found: list[tuple[Peer, float]],
    label: Callable[[Peer, float], str],
    *,
    best_first: int = 1,
    log: bool = False,
    without: Sequence[tuple[Peer, str]] = (),
    reach: float = 1.5,
) -> None:
    """Draw horizontal bars, the best on top, with the figure beside each; below them `without`, who have none, and why.

    The axis ends at `reach` times the longest bar, to leave room for what is beside it.
    """
    rows = sorted(found, key=lambda pair: pair[1] * best_first, reverse=True)
    if not rows:
        return
    most, start = max(value for _, value in rows), min(value for _, value in rows) / 3 if log else 0.0
    named = [*without, *((peer, label(peer, value)) for peer, value in rows)]
    values = [start] * len(without) + [value for _, value in rows]
    for place, ((peer, text), value) in enumerate(zip(named, values, strict=True)):
        axes.barh(place, value - start, 0.7, left=start, color=_colour(peer))
        axes.annotate(text, (value, place), (5, 0), textcoords="offset points", va="center", fontweight=_weight(peer))
    axes.set_yticks(range(len(named)), [peer.title for peer, _ in named])
    for tick, (peer, _) in zip(axes.get_yticklabels(), named, strict=True):
        tick.set_fontweight(_weight(peer))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    if log:
        axes.set_xscale("log")
        axes.set_xlim(start, most * 20)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.minorticks_off()
    else:
        axes.set_xlim(0, most * reach)


def _weight(peer: Peer) -> str:
    return "bold" if peer in MADANG_DOORS else "normal"


def _colour(peer: Peer) -> str:
    """Ours; theirs; and paler what is not a server but the limit of one that sends each message by itself."""
    return OURS if peer in MADANG_DOORS else LIMIT if peer.name == "fanout-floor" else THEIRS


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
        ours = peer in MADANG_DOORS
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
    _title(axes, "p99 of delivery in 500 rooms of 2 sockets", "ms, everybody sends; log scale, less is better")
    axes.annotate("hollow: not everything arrived in time", (0, 0), (8, 8), "axes fraction",
                  textcoords="offset points", color=SOFT)  # fmt: skip
    _name_lines(axes, ends)


def _name_lines(axes: Any, ends: list[tuple[Peer, float, float]]) -> None:
    """Write each line's name at its right end; names that would touch are moved apart."""
    low, high = (limit(rate for _, rate, _ in ends) for limit in (min, max)) if ends else (1, 2)
    axes.set_xlim(low / 6, high * 4)  # room for the names
    axes.figure.draw_without_rendering()  # now it is known which names would touch
    for rates in _near(sorted({rate for _, rate, _ in ends})):
        below = -1e9
        for peer, rate, p99 in sorted((end for end in ends if end[1] in rates), key=lambda end: end[2]):
            pixels = axes.transData.transform((rate, p99))[1]
            height = max(pixels, below + 15)
            below = height
            ours = peer in MADANG_DOORS
            axes.annotate(
                peer.title, (rate, p99), (9, (height - pixels) * 72 / axes.figure.dpi), textcoords="offset points",
                va="center", color=OURS if ours else SOFT, fontweight="bold" if ours else "normal", zorder=5,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85},
            )  # fmt: skip


def _near(rates: Sequence[float]) -> list[list[float]]:
    """Put rates together whose names would stand in each other's way: a name is about as long as a factor of 2.5."""
    groups: list[list[float]] = []
    for rate in rates:
        if groups and rate < groups[-1][-1] * 2.5:
            groups[-1].append(rate)
        else:
            groups.append([rate])
    return groups


def _sockets(result: Result, figure: Any) -> None:
    left, right = figure.subplots(1, 2)
    _bars(left, columns(result, "idle", "kb_per_socket"), lambda _, value: f"{value:.3g}")
    _title(left, "Memory of an idle socket", "KB of the server, joined to one room; less is better")

    def back(peer: Peer, value: float) -> str:
        got = result.value(peer.name, "reconnect", "recovered_share") or 0.0
        told = "all they missed" if got >= WHOLE else "" if got < 0.01 else f"{got:.0%} of it"
        few = f"{number(peer.crowd)} sockets" if peer.crowd != MADANG.crowd else ""
        return "  ".join(text for text in (f"{value:.3g}", told, few) if text)

    there = columns(result, "reconnect", "live_s")
    not_there = [
        (peer, f"not all of {number(peer.crowd)} within {BACK_SECONDS:g} s")
        for peer in reversed(result.peers())
        if result.of(peer.name, "reconnect") and peer not in [p for p, _ in there]
    ]
    _bars(right, there, back, without=not_there, reach=1.8)
    _title(
        right,
        "10,000 sockets are cut and come back",
        "seconds until all are live again, and what they then get; less is better",
    )
