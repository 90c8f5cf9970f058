"""Dividing the seeds of one model into two runs: what is counted, on fits that are equal and on fits that are not."""

import numpy as np

from benchmarks.equal_runs import experiment, halves
from benchmarks.verdicts import draw_method, draw_predictions, draw_split, score_cell


def cells(leads: list[float]):
    """Three data sets with a fit for each seed, whose true MCC is 70 plus a lead."""
    random = np.random.default_rng(5)
    found = []
    for name in "xyz":
        split = draw_split(random, 2000, name)
        difficulty = draw_method(random, split)
        fits = [draw_predictions(random, split, difficulty, 70 + lead, 0.5, 1) for lead in leads]
        found.append(score_cell(split, "cnn", np.concatenate(fits), 1))
    return found


def test_each_way_to_divide_the_seeds_comes_once():
    ways = list(halves(6))
    assert len(ways) == 10 == len({frozenset(map(tuple, way)) for way in ways})
    assert all(sorted(first + second) == [*range(6)] and len(first) == 3 for first, second in ways)


def test_equal_halves_are_not_told_apart_and_unequal_ones_are():
    equal = experiment(cells([0.0] * 6), [0, 1, 2], [3, 4, 5])
    assert not equal["any better"] and equal["covered"] >= 2, "an interval misses zero in one of twenty cases"
    unequal = experiment(cells([15.0] * 3 + [0.0] * 3), [0, 1, 2], [3, 4, 5])
    assert unequal["any better"] == 1 and unequal["better"] == unequal["above"] == 3 and not unequal["covered"]
    assert sum(unequal[name] for name in ("reproduced", "above", "below", "inconclusive")) == 3
