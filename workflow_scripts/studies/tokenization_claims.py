"""The paper's claims about tokenizers as comparisons, from what was measured on each chunk of a sample."""

import dataclasses
from collections.abc import Callable

import numpy as np

from workflow_scripts.common.bootstrap import RESAMPLES, row_counts
from workflow_scripts.common.intervals import percentile_interval
from workflow_scripts.studies.claim_result import Claim, Comparison, Side

CLAIM = Claim(
    "tokenization",
    "Do overlapping k-mers give masked tokens away, and BPE not?",
    "the paper, section 2; with edits (section 2) and FLOPs (table 10) as parts",
)


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What was measured of a tokenizer on each chunk.

    ``leaks``: masked tokens, revealed ones, bases of the masked ones and revealed ones, [4, chunks], for tokens masked
    one by one; ``run_leaks`` the same in runs of k, None if they do not overlap. ``changed``: by edit, share and number
    of the tokens that it changes, [2, chunks]. ``flops``: forward FLOPs of the published encoder, [chunks].
    """

    name: str
    leaks: np.ndarray
    run_leaks: np.ndarray | None
    changed: dict[str, np.ndarray]
    flops: np.ndarray


def compare(bpe: Evidence, overlapping: Evidence, blocks: Evidence, seed: int) -> list[Comparison]:
    """The claims that BPE does better than overlapping k-mers and than k-mers side by side (``blocks``)."""
    weights = np.concatenate(list(row_counts(len(bpe.flops), seed, "studies", "tokenization", RESAMPLES)))
    weights = np.concatenate([np.ones((1, weights.shape[1])), weights])

    def comparison(
        name: str, values: Callable[[np.ndarray], np.ndarray], unit: str, claimed: Side = "above", bound: float = 0
    ) -> Comparison:
        value, *resampled = values(weights)
        low, high = percentile_interval(np.array(resampled)) or (None, None)
        return Comparison(name, float(value), low, high, claimed, "chunks", unit, bound)

    def leaked(counts: np.ndarray, unit: int, weights: np.ndarray) -> np.ndarray:
        """Percent of the masked tokens (unit 0) or of their bases (2) that are revealed."""
        return 100 * (weights @ counts[unit + 1]) / np.maximum(weights @ counts[unit], 1)

    def changed(edit: str, weights: np.ndarray) -> np.ndarray:
        difference = blocks.changed[edit][0] - bpe.changed[edit][0]
        return 100 * (weights @ difference) / weights.sum(axis=1)

    parts = [
        comparison(
            f"masked tokens that unmasked ones give away, masked one by one, {overlapping.name} minus {bpe.name}",
            lambda w: leaked(overlapping.leaks, 0, w) - leaked(bpe.leaks, 0, w),
            "percent of tokens",
        )
    ]
    if (runs := overlapping.run_leaks) is not None:
        parts += [
            comparison(
                f"{text} in runs of k as in DNABERT, {overlapping.name} minus {bpe.name}",
                lambda w, unit=unit: leaked(runs, unit, w) - leaked(bpe.leaks, unit, w),  # type: ignore[misc]
                unit_name,
            )
            for unit, text, unit_name in (
                (0, "masked tokens given away, masked", "percent of tokens"),
                (2, "bases of masked tokens given away, masked", "percent of bases"),
            )
        ]
    parts += [
        comparison(
            f"tokens that one {edit} changes, {blocks.name} minus {bpe.name}",
            lambda w, edit=edit: changed(edit, w),  # type: ignore[misc]
            "percent of tokens",
        )
        for edit in ("insertion", "deletion")
    ]
    parts.append(
        comparison(
            f"FLOPs of {overlapping.name} over those of {bpe.name}, the paper says 3 to 4",
            lambda w: (w @ overlapping.flops) / (w @ bpe.flops),
            "times",
            bound=3,
        )
    )
    return parts
