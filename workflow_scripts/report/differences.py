"""The difference of two scores, and what seeds and test rows leave open about it.

A score varies with the seeds of its fits and with the choice of test rows. Both enter by their variance:

- seeds: the variance over the fits of each side, divided by their number. Resampling five fits would not do: it
  underestimates the variance by a fifth and has no more than the tails of five values.
- rows: the variance of the difference over bootstrap resamples of the test rows, on which both sides are scored if
  their predictions exist, without the part that the variance over seeds already has: which rows a single fit gets
  right by luck.

The sum is the variance of the mean of a table of seeds by rows, both random. Few seeds do not tell their variance well,
so it enters with the quantile of Student's t, with the degrees of freedom of Welch and Satterthwaite for the seeds of
two sides (Welch 1947), and that of the rows with the normal one: the half width of an interval is the root of the sum
of (quantile x error)^2 over the two (Graybill and Wang 1980). Degrees of freedom for the sum of both would be too many
where the seeds happen to be close together: in simulations, claims at 5% were wrong in up to 6.2% of cases.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from scipy import optimize, stats

ALPHA = 0.05
"""The probability of a false claim: one test, or the largest over a family of tests corrected by Holm."""
LEAST_P = 1e-30


@dataclasses.dataclass(frozen=True)
class Difference:
    """An estimated difference in points, and what is uncertain about it.

    parts: variance and degrees of freedom of each independent source of error; infinite where the variance is known.
    """

    value: float
    parts: tuple[tuple[float, float], ...]

    def half_width(self, tail: float) -> float:
        """Half the width of the interval that leaves out a probability of ``tail``, up to 0.5, on either side."""
        variances, freedom = np.array(self.parts).T
        return float(np.sqrt(np.sum(stats.t.isf(tail, freedom) ** 2 * variances)))

    def interval(self, confidence: float) -> tuple[float, float]:
        """The two-sided interval."""
        half = self.half_width((1 - confidence) / 2)
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
        """The tail probability of the interval that ends at ``distance``."""
        if distance < 0:
            return 1 - self._upper_tail(-distance)
        if not self.half_width(LEAST_P):
            return 0.0 if distance else 1.0
        if distance >= self.half_width(LEAST_P):
            return LEAST_P
        found = optimize.brentq(lambda log: self.half_width(math.exp(log)) - distance, math.log(LEAST_P), math.log(0.5))
        return math.exp(found)


def estimate(value: float, seeds: Sequence[tuple[float, int]], rows: float) -> Difference:
    """A difference of means over seeds.

    seeds: for each independent estimate of a spread, the variance that it adds to the difference and the number of
        fits that it was estimated from, two or more.
    rows: the variance that the test rows add, see :func:`variance_over_rows`.
    """
    total = sum(variance for variance, _count in seeds)
    doubt = sum(variance**2 / (count - 1) for variance, count in seeds)
    return Difference(value, ((total, total**2 / doubt if doubt else math.inf), (rows, math.inf)))


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
