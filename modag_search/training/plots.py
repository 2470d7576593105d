"""The course of a training as a picture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def plot_history(history: Sequence[Mapping[str, float]], *, title: str, best_step: int | None = None) -> bytes:
    """Draw the loss of each step and, where anything was held out, the recall at each check.

    Parameters
    ----------
    history : sequence of Mapping
        As in `TrainedBranches`.
    title : str
    best_step : int, optional
        Marked, where given.

    Returns
    -------
    bytes
        A PNG file.
    """
    from matplotlib.figure import Figure  # not pyplot, which keeps figures and looks for a display

    figure = Figure(figsize=(8, 6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot([entry["step"] for entry in history], [entry["loss"] for entry in history], color="tab:blue", lw=1)
    above.set(title=_plain(title), ylabel="loss")
    checks = [entry for entry in history if "recall_at_1" in entry]
    for k, colour in ((1, "tab:orange"), (5, "tab:green")):
        values = [entry[f"recall_at_{k}"] for entry in checks]
        below.plot([entry["step"] for entry in checks], values, color=colour, marker="o", ms=3, label=f"R@{k}")
    below.set(xlabel="step", ylabel="recall across modalities, held out", ylim=(0, 1.02))
    if checks:
        if best_step is not None:
            below.axvline(best_step, color="grey", lw=1, ls=":", label="kept")
        below.legend(loc="lower right")
    else:
        below.text(0.5, 0.5, "nothing was held out", ha="center", transform=below.transAxes)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _plain(text: str) -> str:
    """Keep matplotlib from reading a name as a formula."""
    return text.replace("$", r"\$")
