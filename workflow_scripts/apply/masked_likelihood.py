"""Zero-shot scores of variants: how much likelier a masked language model finds one allele than the other.

The score of an allele is the log-odds of its bases against random DNA,

    sum over its tokens of log p(token | all other tokens of the window)  +  bases * log 4,

and that of a variant the alternative allele's minus the reference's, the mean over both strands; negative if the model
expects the reference. A change of one base changes the tokens around it, so "its tokens" are all from the first to the
last that differ between the two alleles' windows; in both alleles they spell the same place of the genome, between the
same two tokens. Each is masked on its own: the pseudo-log-likelihood of Salazar et al. 2020 (ACL, "Masked Language
Model Scoring"). With single nucleotides as tokens this is the masked-marginal score of Meier et al. 2021 (NeurIPS) and
of GPN (Benegas et al. 2023, PNAS). The log 4 makes no difference to substitutions; without it, each base of an
insertion would count as evidence against it.

Overlapping k-mers show a masked one, so of these all that follow in the stretch are masked too: the chain rule, from
left to right (the within-word correction of Kauf and Ivanova 2023, ACL, does the same with words of several tokens).

docs/variants.md has how much of the score the number of tokens explains, and why this form and no other was chosen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import NamedTuple

import numpy as np
import torch

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.inference.encoders import PROBE, TokenizerEncoder
from workflow_scripts.inference.encoding import Encoded, by_length
from workflow_scripts.inference.network import Network

BATCH = 64
RANDOM_BASE = log(4)


class Masked(NamedTuple):
    """A token to predict: the tokens of a window, with masks, and which place of them is ``token``'s."""

    ids: tuple[int, ...]
    place: int
    token: int


@dataclass(frozen=True)
class MaskedLikelihood:
    """A masked language model with its tokenizer."""

    network: Network
    encoder: TokenizerEncoder

    @cached_property
    def mask(self) -> int:
        """The id of the masked token. Raises UserError if there is none."""
        found = self.encoder.tokenizer.mask_token_id
        if found is None:
            raise UserError(f"{self.encoder.folder}: its tokenizer has no mask token; score embeddings instead")
        return int(found)

    @cached_property
    def overlapping(self) -> bool:
        """Whether tokens share bases."""
        spans = self.encoder.encode([PROBE], 0, spans=True).spans
        assert spans is not None
        places = spans[0][spans[0][:, 0] == 0]
        return bool((places[1:, 1] < places[:-1, 2]).any())

    def log_odds(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """The scores of (reference, alternative) windows in canonical letters, see the module, [pairs].

        NaN if a token in question is unknown, or if unknown letters hide the change. Raises UserError if a window has
        more tokens than the model takes.
        """
        strands = [*pairs, *(tuple(map(reverse_complement, pair)) for pair in pairs)]
        texts = [text for pair in strands for text in pair]
        encoded = self.encoder.encode(texts, 0)
        if encoded.cut is not None and encoded.cut.any():
            longest, taken = max(map(len, texts)), self.encoder.limit(0)
            raise UserError(f"{self.encoder.folder}: takes {taken} tokens, fewer than a window of {longest} bases has")
        asked = [self._asked(*encoded.ids[2 * number : 2 * number + 2]) for number in range(len(strands))]
        found = self._log_probabilities(sorted({one for both in asked for side in both for one in side}))
        sums = np.array([[sum(found[one] for one in side) for side in both] for both in asked])
        longer = np.array([len(alternative) - len(reference) for reference, alternative in strands])
        differences = sums[:, 1] - sums[:, 0] + longer * RANDOM_BASE
        unseen = [pair[0] != pair[1] and not any(both) for pair, both in zip(strands, asked, strict=True)]
        return np.where(unseen, np.nan, differences).reshape(2, -1).mean(axis=0)

    def _asked(self, reference: np.ndarray, alternative: np.ndarray) -> tuple[list[Masked], list[Masked]]:
        """The tokens that differ between two windows, each as it is predicted."""
        first, last = differing(reference, alternative)
        before, after = (list(self._masked(ids.tolist(), first, len(ids) - last)) for ids in (reference, alternative))
        return before, after

    def _masked(self, ids: list[int], first: int, end: int) -> Iterator[Masked]:
        for place in range(first, end):
            hidden = end if self.overlapping else place + 1
            yield Masked((*ids[:place], *[self.mask] * (hidden - place), *ids[hidden:]), place, ids[place])

    @torch.no_grad()
    def _log_probabilities(self, asked: list[Masked]) -> dict[Masked, float]:
        """The log-probability of each token, computed once for alleles that share it; NaN of unknown ones."""
        found: dict[Masked, float] = {}
        rows = Encoded([np.array(one.ids) for one in asked], None, 0.0, 0.0)
        for batch in by_length(rows, BATCH) if asked else ():
            for entries in (batch[place] for place in self.network.batches(rows, batch)):
                logits = self.network.output(rows, entries).logits
                chosen = [asked[entry] for entry in entries]
                places = torch.tensor([one.place for one in chosen], device=logits.device)
                tokens = torch.tensor([one.token for one in chosen], device=logits.device)
                every = torch.arange(len(chosen), device=logits.device)
                values = logits[every, places].float().log_softmax(dim=1)[every, tokens].double()
                found |= dict(zip(chosen, values.tolist(), strict=True))
        unknown = self.encoder.tokenizer.unk_token_id
        return {one: np.nan if one.token == unknown else value for one, value in found.items()}


def differing(first: np.ndarray, second: np.ndarray) -> tuple[int, int]:
    """How many tokens two rows share at their beginning, and how many at their end beyond these."""
    shorter = min(len(first), len(second))
    different = np.flatnonzero(first[:shorter] != second[:shorter])
    before = int(different[0]) if len(different) else shorter
    rest = shorter - before
    different = np.flatnonzero(first[::-1][:rest] != second[::-1][:rest])
    return before, int(different[0]) if len(different) else rest
