"""Differences of scores: their errors from seeds and rows, tests, corrections, and how often claims are wrong."""

import itertools

import numpy as np
import pytest
from scipy import stats

from benchmarks.verdicts import rates_of_claims, rates_of_verdicts
from workflow_scripts.report.differences import Difference, estimate, holm, spread_of_mean, variance_over_rows

EXPERIMENTS = 150


def most(rate: float, experiments: int) -> float:
    """The share of experiments that an error of this rate exceeds in one test run of 200."""
    return float(stats.binom.ppf(0.995, experiments, rate)) / experiments


def test_without_rows_the_test_is_that_of_welch():
    first, second = [70.0, 73.0, 69.5, 75.0], [66.0, 66.5, 65.0]
    found = estimate(np.mean(first) - np.mean(second), [spread_of_mean(first), spread_of_mean(second)], 0.0)
    expected = stats.ttest_ind(first, second, equal_var=False)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.interval(0.95) == pytest.approx(tuple(expected.confidence_interval(0.95)))


def test_without_seeds_the_distribution_is_normal():
    found = estimate(3.0, [(0.0, 3), (0.0, 3)], 4.0)
    assert found.p == pytest.approx(2 * stats.norm.sf(1.5))
    assert found.interval(0.9)[0] == pytest.approx(3 - 1.645 * 2, abs=1e-3)


@pytest.mark.parametrize("value", [-4.9, -2.0, 0.0, 3.1, 5.0, 7.0])
@pytest.mark.parametrize("variance", [0.01, 1.0, 8.4, 10.2])
def test_equivalence_is_the_90_percent_interval_within_the_margin(value, variance):
    found = Difference(value, ((variance / 2, 4), (variance / 2, np.inf)))
    low, high = found.interval(0.9)
    assert (found.p_beyond(5.0) < 0.05) == (low > -5 and high < 5)
    low, high = found.interval(0.95)
    assert (found.p < 0.05) == (low > 0 or high < 0)


def test_differences_without_error():
    exact = ((0.0, 4), (0.0, np.inf))
    assert Difference(0.0, exact).p == 1 and Difference(0.1, exact).p == 0
    assert Difference(5.0, exact).p_beyond(5.0) == 1 and Difference(-4.9, exact).p_beyond(5.0) == 0
    assert Difference(6.0, exact).p_beyond(5.0) == 1


def test_few_seeds_never_make_the_verdict_too_bold():
    """The published model is better by the margin; what is drawn is the mean and the spread of our fits."""
    random = np.random.default_rng(3)
    for count, rows in itertools.product((3, 5), (0.3, 1.2, 6.0)):
        seeds = 1.9**2 * (1 / count + 1 / 3)
        means = -5 + (seeds + rows) ** 0.5 * random.normal(size=4000)
        spreads = seeds * random.chisquare(count - 1, size=4000) / (count - 1)
        wrong = [estimate(m, [(s, count)], rows).interval(0.9) for m, s in zip(means, spreads, strict=True)]
        assert np.mean([low > -5 and high < 5 for low, high in wrong]) <= most(0.05, 4000), (count, rows)


def test_luck_of_single_fits_is_counted_with_the_seeds_only():
    """Rows move all fits by a common part of variance 4, and each by one of its own of variance 9."""
    random = np.random.default_rng(1)
    common = 2 * random.normal(size=20_000)
    first, second = (70 + common + 3 * random.normal(size=(5, 20_000)) for _run in range(2))
    assert np.var(first.mean(axis=0)) == pytest.approx(4 + 9 / 5, rel=0.05)
    assert variance_over_rows(first) == pytest.approx(4, rel=0.05)
    assert variance_over_rows(first, second) == pytest.approx(0, abs=0.1), "the common part cancels"


def test_holm_equals_its_definition():
    values = [0.01, 0.04, 0.03, 0.005]
    assert holm(values) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == [] and holm([0.6, 0.7]) == [1, 1]
    for order in itertools.permutations(range(4)):
        assert holm([values[index] for index in order]) == pytest.approx([holm(values)[index] for index in order])


@pytest.mark.slow
@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("replicates", [None, 5])
def test_five_points_less_are_seldom_reproduced(same, replicates):
    """Whether the published model is of the same method or not; the former rule said so in about half of the cases."""
    for rows in (400, 1500):
        found = rates_of_verdicts(rows, 5.0, EXPERIMENTS, same, replicates)
        assert found["reproduced"] <= most(0.05, EXPERIMENTS), rows
        assert found["above"] == 0
    assert rates_of_verdicts(400, 5.0, EXPERIMENTS, same, replicates)["formerly reproduced"] > 0.3


@pytest.mark.slow
def test_an_exact_replication_is_reproduced_on_many_rows_and_never_contradicted_often():
    """What never says anything would make no errors either."""
    found = rates_of_verdicts(5000, 0.0, 60, True, 5)
    assert found["reproduced"] > 0.7
    assert found["above"] + found["below"] <= most(0.05, 60)


@pytest.mark.slow
def test_ten_points_less_are_noticed():
    found = rates_of_verdicts(2500, 10.0, 60, False, None)
    assert found["below"] > 0.8 and found["reproduced"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("same", [True, False])
def test_equal_runs_are_seldom_told_apart_on_any_data_set(same):
    """On ten data sets; the interval of a difference covers the truth on each."""
    found = rates_of_claims([300, 500, 800, 1200, 400] * 2, 0.0, 60, same)
    assert found["better, any"] <= most(0.05, 60)
    assert found["above or below, any"] <= most(0.05, 60)
    assert 0.93 <= found["covered"] < 0.995
    assert found["formerly better, sets"] > 0.06, "the former rule was wrong on more data sets than it said"


@pytest.mark.slow
def test_a_better_run_is_found():
    found = rates_of_claims([2000] * 3, 8.0, 30, same=True)
    assert found["better, sets"] > 0.8 and found["covered"] >= 0.88
