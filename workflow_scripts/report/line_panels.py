"""Small line charts as paths of an SVG image: many of them stay small, and need no script.

A panel is a dictionary for the macro ``panel`` of ``macros.html.j2``. Coordinates are those of its view box.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from workflow_scripts.report.figures import PALETTE

LEFT, RIGHT, TOP, BOTTOM = 38.0, 250.0, 22.0, 168.0  # the area of the lines, in a view box of 260 x 204
DASHES = ("", "6 3", "2 2")  # of the runs after those that have a colour of their own
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # between ticks, times a power of ten

Point = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of a panel. ``style``: the stroke's attributes, see :func:`styles`; ``thin``: one of many of a run."""

    name: str
    points: Sequence[Point]
    style: dict[str, str]
    thin: bool = False
    dots: bool = False


CHANCE = {"colour": "currentColor", "dash": "3 3"}


def styles(runs: Sequence[str]) -> dict[str, dict[str, str]]:
    """Colour and dashes of each run, the same in all panels and as in the other charts."""
    return {
        run: {"colour": PALETTE[index % len(PALETTE)], "dash": DASHES[index // len(PALETTE) % len(DASHES)]}
        for index, run in enumerate(runs)
    }


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """At most ``most`` round numbers with equal distances, of which the first and last enclose the range."""
    width = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(width / most))
    for step in (factor * power for factor in (*STEPS, *(10 * factor for factor in STEPS))):
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first < most:
            return [number * step for number in range(first, max(last, first + 1) + 1)]
    raise AssertionError("a step of 100 times the power has two ticks")


def panel(
    title: str,
    axes: tuple[str, str],
    lines: Sequence[Line],
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    x_names: Sequence[str] = (),
) -> dict[str, Any] | None:
    """The panel of lines with points in the units of the axes; ``None`` without a point.

    axes: labels of x and y. x_range, y_range: by default those of the points. x_names: names of the places 0, 1, ... of
        the x axis instead of numbers.
    """
    points = [point for line in lines for point in line.points]
    if not points:
        return None
    xs, ys = zip(*points, strict=True)
    x_ticks = [float(place) for place in range(len(x_names))] or ticks(*(x_range or (min(xs), max(xs))))
    y_ticks = ticks(*(y_range or (min(ys), max(ys))))
    margin = 0.4 if x_names else 0.0
    x_from, x_to = x_ticks[0] - margin, x_ticks[-1] + margin

    def x(value: float) -> float:
        return LEFT + (RIGHT - LEFT) * (value - x_from) / (x_to - x_from)

    def y(value: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (value - y_ticks[0]) / (y_ticks[-1] - y_ticks[0])

    names = x_names or [f"{value:g}" for value in x_ticks]
    return {
        **{"title": title, "x_label": axes[0], "y_label": axes[1]},
        "x_ticks": [{"at": round(x(value), 1), "text": name} for value, name in zip(x_ticks, names, strict=True)],
        "y_ticks": [{"at": round(y(value), 1), "text": f"{value:g}"} for value in y_ticks],
        "lines": [
            {
                "name": line.name,
                "thin": line.thin,
                **line.style,
                "path": path_of([(x(a), y(b)) for a, b in line.points]),
            }
            | {"dots": [(round(x(a), 1), round(y(b), 1)) for a, b in line.points] if line.dots else []}
            for line in lines
            if line.points
        ],
    }


def path_of(points: Sequence[Point]) -> str:
    """The ``d`` of an SVG path, without points on the straight line between their neighbours."""
    kept = [
        point
        for place, point in enumerate(points)
        if place in (0, len(points) - 1) or not straight(points[place - 1], point, points[place + 1])
    ]
    return "M" + "L".join(f"{a:.1f},{b:.1f}" for a, b in kept)


def straight(before: Point, point: Point, after: Point) -> bool:
    """Whether a point is on the line between its neighbours."""
    area = (point[0] - before[0]) * (after[1] - before[1]) - (point[1] - before[1]) * (after[0] - before[0])
    return abs(area) < 1e-6
