"""The look of the lab's figures: one style, quiet axes, colours that a colour-blind reader can tell apart.

matplotlib is imported inside, so that an experiment runs without it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from mintage.lab.outcome import LabError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5b5b5b", "#b8a600")
"""Okabe and Ito's colours, darkened where they are thin on white."""

STYLE: Any = {
    "font.size": 10, "axes.titlesize": 11, "axes.titlelocation": "left", "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.color": "#e8e8e8", "grid.linewidth": 0.6,
    "lines.linewidth": 1.6, "legend.frameon": False, "legend.fontsize": 9, "svg.hashsalt": "mintage",
    "svg.fonttype": "none", "figure.constrained_layout.use": True, "savefig.dpi": 130,
}


def styled() -> AbstractContextManager[Any]:
    """A block in which whatever is drawn has the lab's style.

    Raises:
        LabError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from cycler import cycler
    except ImportError as missing:
        raise LabError("figures need matplotlib: pip install 'mintage[lab]'") from missing
    return matplotlib.rc_context({**STYLE, "axes.prop_cycle": cycler(color=COLOURS)})


def panels(columns: int = 1, rows: int = 1, *, width: float = 4.6, height: float = 3.4, **options: Any) -> Any:
    """(figure, axes [rows][columns] always as a 2-D array) in the lab's style.

    Raises:
        LabError: matplotlib is not installed.
    """
    with styled():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(width * columns, height * rows))
        FigureCanvasAgg(figure)
        return figure, figure.subplots(rows, columns, squeeze=False, **options)


def save(figure: Figure, stem: str) -> None:
    """Write STEM.png and STEM.svg, the same bytes for the same figure."""
    with styled():
        figure.savefig(f"{stem}.png", metadata={"Software": None})
        figure.savefig(f"{stem}.svg", metadata={"Date": None, "Creator": None})
