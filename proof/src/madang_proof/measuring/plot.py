"""The figures as a picture, where matplotlib is installed; nothing else needs it."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from madang.errors import SetupError, plain_reason
from madang_proof.measuring.figures import Figures


def check_can_plot() -> None:
    """Raise SetupError if matplotlib is missing, so that this is known before a run."""
    if importlib.util.find_spec("matplotlib") is None:
        raise SetupError("--plot needs matplotlib, which is not installed.", "Install it: pip install matplotlib")


def draw(runs: Sequence[Figures], path: Path) -> None:
    """Draw the latencies of the runs that have any, and deliveries per second.

    Raises:
        SetupError: the file cannot be written.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    timed = [run for run in runs if run.latency]
    names = [run.workload for run in timed]
    figure: Any
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for offset, key, colour in ((-0.25, "p50", "#b9b4a7"), (0, "p99", "#2f7d5b"), (0.25, "max", "#c4533a")):
        places = [place + offset for place in range(len(timed))]
        bars = left.bar(places, [getattr(run.latency, key) for run in timed], 0.25, color=colour, label=key)
        left.bar_label(bars, fmt="%.1f", fontsize=8)
    left.set_xticks(range(len(timed)), names)
    left.set_ylabel("ms from due to delivered")
    left.legend(frameon=False)
    bars = right.bar(names, [run.deliveries_s for run in timed], color="#2f7d5b")
    right.bar_label(bars, fmt="{:,.0f}", fontsize=8)
    right.set_ylabel("deliveries/s")
    try:
        figure.savefig(path, dpi=120, metadata={"Software": None})
    except (OSError, ValueError) as error:
        why = plain_reason(error) if isinstance(error, OSError) else error  # the latter for a format it does not know
        raise SetupError(f"{path} cannot be written: {why}.", "Choose another file with --plot.") from None
    finally:
        plt.close(figure)
