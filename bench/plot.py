"""The figures as one picture: how much of each budget is used, and what the floor would need."""

import statistics
from pathlib import Path
from typing import Any, Final

from bench.report import Result, number
from bench.workloads import WORKLOADS

MET, MISSED, FLOOR, INK = "#2f7d5b", "#c4533a", "#b9b4a7", "#2b2b2b"
CUT: Final = 1.8  # budgets; a longer bar is cut here, its figure is beside it
_WHISKERS: Final = {"ecolor": INK, "lw": 1, "capsize": 2}


def draw(result: Result, path: Path) -> None:
    """Draw bench/results/NAME.png."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    style: Any = {"font.size": 9, "axes.edgecolor": INK, "axes.spines.top": False, "axes.spines.right": False}
    with plt.rc_context(style):
        figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.8), width_ratios=(5, 4), layout="constrained")
        _budgets(result, left)
        _costs(result, right)
        commit, cpu = result.machine["commit"], result.machine["CPU"]
        figure.suptitle(f"Madang {commit}: one node, one core, every message stored ({cpu})", fontsize=10, color=INK)
        figure.savefig(path, dpi=120, metadata={"Software": None})
        plt.close(figure)


def _budgets(result: Result, axes: Any) -> None:
    """Bars of value over budget (budget over value where more is better), so that 1 is the budget for all."""
    bars = [
        (name, row, values)
        for name in reversed(result.runs)
        for row in reversed(WORKLOADS[name].rows)
        if (values := result.column(name, row.key)) and all(values)
    ]
    for place, (_, row, values) in enumerate(bars):
        low, *_, high = sorted((row.budget / v if row.at_least else v / row.budget) for v in [*values, *values])
        value = statistics.median(values)
        share = row.budget / value if row.at_least else value / row.budget
        colour = MET if row.met(value) else MISSED
        axes.barh(place, min(share, CUT), color=colour, xerr=[[share - low], [high - share]], error_kw=_WHISKERS)
        unit = "" if row.unit == "share" else f" {row.unit}"
        note = f"{number(value)}{unit}; budget {number(row.budget)}" + (" (stretch)" if row.stretch else "")
        axes.annotate(note, (max(1, min(high, CUT)), place), (6, 0), textcoords="offset points", va="center", color=INK)
    axes.axvline(1, color=INK, lw=1.2)
    axes.set_yticks(range(len(bars)), [f"{name}: {row.what}" for name, row, _ in bars])
    axes.set_xlim(0, CUT)
    axes.set_xlabel("share of the budget used; 1 = the budget, less is better")


def _costs(result: Result, axes: Any) -> None:
    """CPU per delivery, beside what the floor needs without storing, ordering or knowing anything."""
    names = [name for name in result.runs if result.column(name, "floor_cpu_us_delivery")]
    for offset, key, colour, label in (
        (-0.2, "cpu_us_delivery", MET, "Madang"),
        (0.2, "floor_cpu_us_delivery", FLOOR, "fanout_floor: one send(2) each, nothing else"),
    ):
        for n, name in enumerate(names):
            values = result.column(name, key)
            middle = statistics.median(values)
            whiskers = [[middle - min(values)], [max(values) - middle]]
            place, legend = n + offset, label if n == 0 else None
            axes.bar(place, middle, 0.38, color=colour, label=legend, yerr=whiskers, error_kw=_WHISKERS)
            at = (place, max(values))
            axes.annotate(f"{middle:.3g}", at, (0, 4), textcoords="offset points", ha="center", color=INK)
    axes.set_xticks(range(len(names)), [n.replace("-", "\n") for n in names])
    axes.set_ylabel("CPU µs per delivery")
    if names:
        axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0))
