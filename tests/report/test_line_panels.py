"""Small line charts: round ticks that enclose the values, and points at their places."""

import re

import pytest

from workflow_scripts.report.line_panels import BOTTOM, LEFT, RIGHT, TOP, Line, panel, path_of, styles, ticks

STYLE = {"colour": "red", "dash": ""}


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.25, 0.5, 0.75, 1]), (0.31, 0.68, [0.3, 0.4, 0.5, 0.6, 0.7]), (-12, 68, [-25, 0, 25, 50, 75])],
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize(("low", "high"), [(0, 0), (7, 7), (-3, -3), (1e-9, 2e-9), (200, 20000), (0.999, 1.001)])
def test_ticks_enclose_any_range_and_differ(low, high):
    found = ticks(low, high)
    assert 2 <= len(found) <= 5 and found[0] <= low + 1e-9 and found[-1] >= high - 1e-9 and found[0] < found[-1]


def test_points_are_at_their_places():
    drawn = panel("t", ("x", "y"), [Line("a", [(0, 0), (0.5, 1), (1, 0.5)], STYLE, dots=True)], (0, 1), (0, 1))
    (line,) = drawn["lines"]
    middle = (LEFT + RIGHT) / 2
    assert line["dots"] == [(LEFT, BOTTOM), (middle, TOP), (RIGHT, (TOP + BOTTOM) / 2)]
    assert line["path"] == f"M{LEFT},{BOTTOM}L{middle},{TOP}L{RIGHT},{(TOP + BOTTOM) / 2}"
    assert panel("t", ("x", "y"), [Line("a", [], STYLE)]) is None


def test_points_on_a_straight_line_are_left_out_and_no_others():
    assert path_of([(0, 0), (1, 1), (2, 2), (3, 0)]) == "M0.0,0.0L2.0,2.0L3.0,0.0"
    assert len(re.findall(",", path_of([(0, 0), (1, 1), (2, 0), (3, 1)]))) == 4


def test_every_run_of_many_has_another_look():
    found = styles([f"run {number}" for number in range(24)])
    assert len({tuple(look.values()) for look in found.values()}) == 24
