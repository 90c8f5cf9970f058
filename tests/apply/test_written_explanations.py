"""Bases of records from windows: coordinates and letters, for any interval, strand and tiling."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.apply.explanations import Map
from workflow_scripts.apply.logos import LINE, LONGEST, lines_of, number_of, shown
from workflow_scripts.apply.records import Place, Record
from workflow_scripts.apply.results import Applied
from workflow_scripts.apply.windows import place_of, spans
from workflow_scripts.apply.write_explanations import Bases, bases_of
from workflow_scripts.common.sequences import reverse_complement

GENOME = "".join(np.random.default_rng(0).choice(list("ACGTN"), 400, p=[0.24] * 4 + [0.04]))


def explained(place: Place, window: int, step: int) -> tuple[Bases, list[tuple[int, int]]]:
    """Windows whose gradients say which window and which base they are of."""
    letters = GENOME[place.start : place.end]
    text = reverse_complement(letters) if place.strand == "-" else letters
    tiles = list(spans(len(text), window, step))
    rows = []
    for number, (start, end) in enumerate(tiles):
        part = text[start:end]
        effects = np.array([["ACGT".find(letter) - base for base in range(4)] for letter in part], dtype=float)
        mapped = Map(part, 0, 0.0, effects, np.zeros((0, 2), dtype=int)).row()
        gradients = [1000.0 * number + base for base in range(len(part))]
        rows.append({"start": start, "end": end, "output": 0, "map": mapped, "gradients": gradients})
    return bases_of(Applied(Record("x", text, (), place), rows, np.empty(0))), tiles


@given(st.data())
def test_every_base_is_that_of_its_place_and_of_its_middlemost_window(data):
    start = data.draw(st.integers(0, 390))
    place = Place("chr1", start, data.draw(st.integers(start + 1, 400)), data.draw(st.sampled_from("+-.")))
    window = data.draw(st.integers(0, 60))
    step = data.draw(st.integers(1, max(window, 1)))
    bases, tiles = explained(place, window, step)
    assert len(bases.effects) == len(bases.letters) == place.end - place.start
    for position, letter in enumerate(bases.letters):
        at = place_of(place, position, position + 1)
        here = GENOME[at.start : at.end]
        assert letter == (reverse_complement(here) if place.strand == "-" else here)
        assert number_of(place, position) == at.start + 1  # of the axis of a picture
        assert bases.effects[position, 0] == "ACGT".find(letter)
        number, base = divmod(int(bases.gradients[position]), 1000)
        assert tiles[number][0] + base == position
        depths = [min(position - first, end - 1 - position) for first, end in tiles]
        assert depths[number] == max(depths)


def test_a_long_sequence_is_drawn_around_its_most_important_base():
    values = np.zeros(3 * LONGEST)
    assert shown(values[:50]) == (0, 50)
    for place, first in ((0, 0), (1700, 1700 - LONGEST // 2), (2999, 2 * LONGEST)):
        values[:] = 0
        values[place] = 1
        assert shown(values) == (first, first + LONGEST)


@pytest.mark.parametrize("bases", [1, 50, LINE, LINE + 1, 101, 300, LONGEST])
def test_lines_of_a_picture_are_full_and_about_equal(bases):
    lines = lines_of(7, 7 + bases)
    assert [start for start, _ in lines] == [7, *(end for _, end in lines[:-1])] and lines[-1][1] == 7 + bases
    lengths = [end - start for start, end in lines]
    assert max(lengths) <= LINE and len(lines) == -(-bases // LINE) and max(lengths) - min(lengths) <= len(lines)
