"""The difference of two scores, and what seeds and test rows leave open about it.

A score varies with the seeds of its fits and with the choice of test rows. Both enter by their variance:

- seeds: the variance over the fits of each side, divided by their number. Resampling five fits would not do: it
  underestimates the variance by a fifth and has no more than the tails of five values.
- rows: the variance of the difference over bootstrap resamples of the test rows, on which both sides are scored if
  their predictions exist, without the part that the variance over seeds already has: which rows a single fit gets
  right by luck.

The sum is the variance of the mean of a table of seeds by rows, both random. Few seeds do not tell their variance well,
which Student's t accounts for, with the degrees of freedom of Welch and Satterthwaite (Welch 1947).
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

ALPHA = 0.05
"""The probability of a false claim: one test, or the largest over a family of tests corrected by Holm."""


@dataclasses.dataclass(frozen=True)
class Difference:
    """An estimated difference in points, its standard error, and the degrees of freedom of its t distribution."""

    value: float
    error: float
    freedom: float

    def interval(self, confidence: float) -> tuple[float, float]:
        """The two-sided interval, from the quantiles of t."""
        half = float(stats.t.ppf((1 + confidence) / 2, self.freedom)) * self.error
        return self.value - half, self.value + half

    @property
    def p(self) -> float:
        """Two-sided p of the hypothesis that there is no difference; 1 if there is neither difference nor error."""
        return min(1.0, 2 * self._upper_tail(abs(self.value)))

    def p_beyond(self, margin: float) -> float:
        """p of the hypothesis that the difference is ``margin`` or more in either direction.

        The larger p of two one-sided tests (Schuirmann 1987): it is below 0.05 if and only if the 90% interval lies
        between ``-margin`` and ``margin``.
        """
        return self._upper_tail(margin - abs(self.value))

    def _upper_tail(self, distance: float) -> float:
        if not self.error:
            return 1.0 if distance <= 0 else 0.0
        return float(stats.t.sf(distance / self.error, self.freedom))


def estimate(value: float, seeds: Sequence[tuple[float, int]], rows: float) -> Difference:
    """A difference of means over seeds.

    seeds: for each independent estimate of a spread, the variance that it adds to the difference and the number of
        fits that it was estimated from, two or more.
    rows: the variance that the test rows add, see :func:`variance_over_rows`.
    """
    total = sum(variance for variance, _count in seeds) + rows
    doubt = sum(variance**2 / (count - 1) for variance, count in seeds)
    return Difference(value, total**0.5, total**2 / doubt if doubt else math.inf)


def variance_over_rows(*sides: np.ndarray) -> float:
    """The variance that test rows add to the mean score of a run, or to the difference of the means of two runs.

    sides: the scores of each run on the same resamples of the rows, [seeds, resamples]; NaN, where a score is
        undefined, is ignored.
    """
    means = [side.mean(axis=0) for side in sides]
    variance = float(np.nanvar(means[0] - means[1] if len(means) == 2 else means[0]))
    return max(0.0, variance - sum(variance_of_luck(side) for side in sides))


def variance_of_luck(resampled: np.ndarray) -> float:
    """The part of the variance of a mean over fits that is of rows and fit together, from scores [seeds, resamples].

    Averaging n fits divides this part by n and leaves alone what the rows do to all fits.
    """
    single, mean = float(np.nanvar(resampled, axis=1).mean()), float(np.nanvar(resampled.mean(axis=0)))
    return max(0.0, single - mean) / (len(resampled) - 1)


def spread_of_mean(values: Sequence[float]) -> tuple[float, int]:
    """The variance of the mean of the scores of n fits, and n."""
    return float(np.var(values, ddof=1)) / len(values), len(values)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for the number of tests (Holm 1979), in the same order.

    If all hypotheses are true, the smallest is below 0.05 in at most 5% of cases, whatever the tests have in common.
    """
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected
