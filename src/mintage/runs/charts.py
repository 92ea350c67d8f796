"""Line charts as inline SVG, drawn from numbers alone so that a report needs neither scripts nor a network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 10, 34
COLOURS = ("var(--line-1)", "var(--line-2)", "var(--line-3)", "var(--line-4)", "var(--line-5)", "var(--line-6)")
Points = Sequence[tuple[float, float]]


def line_chart(series: Mapping[str, Points], *, across: str, level: tuple[str, float] | None = None,
               logarithmic: bool = False, bounds: tuple[float, float] | None = None) -> str:
    """An SVG of one line a series over a common axis; `level` draws a dashed line across, with its name.

    The axis spans the values, or at least `bounds`.

    A logarithmic chart leaves out values that are not positive. Series without points are left out.
    """
    series = {name: [(x, y) for x, y in points if math.isfinite(y) and (y > 0 or not logarithmic)]
              for name, points in series.items()}
    series = {name: points for name, points in series.items() if points}
    if not series:
        return "<p class='note'>Nothing was measured.</p>"
    ys = [y for points in series.values() for _, y in points] + ([level[1]] if level else []) + list(bounds or ())
    x_high = max(x for points in series.values() for x, _ in points) or 1.0
    scale = math.log10 if logarithmic else float
    low, high = scale(min(ys)), scale(max(ys))
    margin = 0.04 * (high - low) or 0.5
    low, high = low - margin, high + margin

    def place(x: float, y: float) -> tuple[float, float]:
        across_part, up_part = x / x_high, (scale(y) - low) / (high - low)
        return LEFT + across_part * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up_part * (HEIGHT - TOP - BOTTOM)

    parts = [_grid(low, high, x_high, logarithmic, across)]
    if level is not None:
        y = place(0, level[1])[1]
        parts.append(f"<line class='level' x1='{LEFT}' x2='{WIDTH - RIGHT}' y1='{y:.1f}' y2='{y:.1f}'/>"
                     f"<text x='{WIDTH - RIGHT}' y='{y - 4:.1f}' text-anchor='end'>{escape(level[0])}</text>")
    for colour, points in zip(_cycle(len(series)), series.values(), strict=True):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
        parts.append(f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='1.6'/>")
        if len(points) <= 40:
            parts += [f"<circle cx='{place(*p)[0]:.1f}' cy='{place(*p)[1]:.1f}' r='2.5' fill='{colour}'/>"
                      for p in points]
    legend = "".join(f"<span><i style='background:{colour}'></i>{escape(name)}</span>"
                     for colour, name in zip(_cycle(len(series)), series, strict=True))
    return (f"<figure><svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img' aria-label='{escape(', '.join(series))}'>"
            f"{''.join(parts)}</svg><figcaption>{legend}</figcaption></figure>")


def smooth(points: Points, width: int) -> list[tuple[float, float]]:
    """Running means over `width` points, so that a noisy loss can be read."""
    width = max(1, width)
    return [(points[min(start + width, len(points)) - 1][0],
             sum(y for _, y in points[start:start + width]) / len(points[start:start + width]))
            for start in range(0, len(points), width)]


def short(number: float) -> str:
    """A number for an axis: 1.2M, 35k, 0.04."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.3g}" if abs(number) > 1e-12 else "0"


def _cycle(count: int) -> list[str]:
    return [COLOURS[k % len(COLOURS)] for k in range(count)]


def _ticks(low: float, high: float) -> list[float]:
    """About five round numbers between two: steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(k * power for k in (1, 2, 5, 10) if k * power >= rough)
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """Logarithms of 1, 2 and 5 times powers of ten between two others; powers alone where those would be many, round
    numbers where they would be few."""
    factors = (1, 2, 5) if high - low < 3 else (1,)
    marks = [math.log10(k) + power for power in range(math.floor(low), math.ceil(high) + 1) for k in factors]
    marks = [mark for mark in marks if low <= mark <= high]
    return marks if len(marks) > 2 else [math.log10(value) for value in _ticks(10**low, 10**high) if value > 0]


def _grid(low: float, high: float, x_high: float, logarithmic: bool, across: str) -> str:
    parts = []
    for value in (_log_ticks if logarithmic else _ticks)(low, high):
        y = HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
        label = short(10**value if logarithmic else value)
        parts.append(f"<line class='grid' x1='{LEFT}' x2='{WIDTH - RIGHT}' y1='{y:.1f}' y2='{y:.1f}'/>"
                     f"<text x='{LEFT - 6}' y='{y + 4:.1f}' text-anchor='end'>{label}</text>")
    for value in _ticks(0, x_high):
        x = LEFT + value / x_high * (WIDTH - LEFT - RIGHT)
        parts.append(f"<text x='{x:.1f}' y='{HEIGHT - BOTTOM + 15}' text-anchor='middle'>{short(value)}</text>")
    parts.append(f"<text x='{(WIDTH + LEFT) / 2:.0f}' y='{HEIGHT - 3}' text-anchor='middle'>{escape(across)}</text>")
    return "".join(parts)
