"""A picture of an explanation: the letters of a sequence, as high as their importance, in lines of equal length."""

from pathlib import Path
from typing import NamedTuple

import logomaker
import matplotlib
import numpy as np
import pandas as pd
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.apply.records import Place
from workflow_scripts.common.sequences import BASES

LINE = 110
"""Bases of a line at most."""
NARROWEST = 50
"""Bases of the line of a short sequence, below which its title would not fit."""
LONGEST = 1000
"""Bases of a picture; of a longer sequence those around its most important base."""
SIZES = {"letter": 0.11, "logo": 1.15, "gradients": 0.55, "gap": 0.35, "margin": 0.9}
"""Inches."""


class Explained(NamedTuple):
    """What is drawn of a sequence: ``importance`` and ``gradients`` [bases]; the latter None without them."""

    title: str
    letters: str
    importance: np.ndarray
    gradients: np.ndarray | None
    unit: str
    place: Place | None


def draw(path: Path, what: Explained) -> None:
    """Write the picture of a sequence (SVG). The same values give the same bytes."""
    first, last = shown(what.importance)
    lines = lines_of(first, last)
    gradients = [] if what.gradients is None else [what.gradients]
    ratios = [SIZES["logo"], *(SIZES["gradients"] for _ in gradients), SIZES["gap"]] * len(lines)
    columns = max(lines[0][1] - lines[0][0], NARROWEST)
    size = columns * SIZES["letter"] + 2 * SIZES["margin"], sum(ratios) + SIZES["margin"]
    with matplotlib.rc_context({"svg.hashsalt": "explanation", "font.size": 8, "axes.linewidth": 0.5}):
        figure = Figure(figsize=size)
        axes = figure.subplots(len(ratios), 1, height_ratios=ratios, squeeze=False)
        rows = axes[:, 0].reshape(len(lines), -1)
        for (start, end), (logo, *others, gap) in zip(lines, rows, strict=True):
            gap.set_axis_off()
            _draw_letters(logo, what, start, end)
            _limit(logo, what.importance, columns)
            logo.set_ylabel("importance")
            for other, values in zip(others, gradients, strict=True):
                _draw_gradients(other, values, start, end)
                _limit(other, values, columns)
                logo.set_xticks([])
            _label_places([logo, *others][-1], what.place, start, end)
        figure.suptitle(what.title, fontsize=9, parse_math=False)
        figure.supxlabel(f"{axis_name(what.place)}; importance in {what.unit}", fontsize=8, parse_math=False)
        figure.subplots_adjust(
            left=SIZES["margin"] / size[0],
            right=1 - SIZES["margin"] / 2 / size[0],
            top=1 - 0.4 / size[1],
            bottom=0.3 / size[1],
            hspace=0.08,
        )
        figure.savefig(path, format="svg", metadata={"Date": None})


def shown(values: np.ndarray) -> tuple[int, int]:
    """The bases that are drawn, first and end: all, or LONGEST around the highest."""
    if len(values) <= LONGEST:
        return 0, len(values)
    highest = int(np.nan_to_num(values, nan=-np.inf).argmax())
    first = min(max(highest - LONGEST // 2, 0), len(values) - LONGEST)
    return first, first + LONGEST


def lines_of(first: int, last: int) -> list[tuple[int, int]]:
    """First base and end of each line: as few lines as LINE allows, of the same length but for a rest in the last."""
    lines = -(-(last - first) // LINE)
    length = -(-(last - first) // lines)
    return [(start, min(start + length, last)) for start in range(first, last, length)]


def axis_name(place: Place | None) -> str:
    """What the numbers below the letters count."""
    if place is None:
        return "base of the sequence, from 1"
    strand = {"-": "minus strand, which runs down", "+": "plus strand"}.get(place.strand, "strand unknown, as plus")
    return f"base of {place.contig}, from 1; {strand}"


def number_of(place: Place | None, base: int) -> int:
    """The number of a base on the axis, from 1 as in genome browsers."""
    if place is None:
        return base + 1
    return place.end - base if place.strand == "-" else place.start + base + 1


def _draw_letters(axes: Axes, what: Explained, start: int, end: int) -> None:
    values = np.nan_to_num(what.importance[start:end])
    is_base = np.array([*BASES]) == np.array([list(what.letters[start:end])]).T
    heights = is_base * values[:, None]
    logomaker.Logo(pd.DataFrame(heights, columns=list(BASES)), ax=axes, color_scheme="classic", flip_below=True)
    for place, letter in enumerate(what.letters[start:end]):  # small, as a letter without importance has no height
        where = axes.get_xaxis_transform()
        axes.text(place, 0.02, letter, transform=where, ha="center", va="bottom", fontsize=6, color="0.4")


def _draw_gradients(axes: Axes, gradients: np.ndarray, start: int, end: int) -> None:
    values = np.nan_to_num(gradients[start:end])
    axes.bar(np.arange(len(values)), values, width=0.9, color="0.45")
    axes.axhline(0, color="black", linewidth=0.5)
    axes.set_ylabel("gradients", fontsize=7)


def _limit(axes: Axes, values: np.ndarray, columns: int) -> None:
    """The same scale in all lines of a picture."""
    low, high = min(float(np.nanmin(values)), 0.0), max(float(np.nanmax(values)), 0.0)
    room = 0.05 * (high - low) or 1.0
    axes.set_ylim(low - 3 * room, high + room)  # with a line for the letters
    axes.set_xlim(-0.5, columns - 0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.yaxis.set_major_locator(ticker.MaxNLocator(3))


def _label_places(axes: Axes, place: Place | None, start: int, end: int) -> None:
    """A number below every tenth base of the axis."""
    ticks = [base for base in range(start, end) if number_of(place, base) % 10 == 0]
    axes.set_xticks([base - start for base in ticks], [f"{number_of(place, base):,}" for base in ticks])
