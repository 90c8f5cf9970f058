"""Measures of a tokenization: FLOPs, tokens that an edit changes, masked tokens that their context reveals."""

import numpy as np

from workflow_scripts.common.flops import encoder_flops
from workflow_scripts.inference.spelling import hidden_bases

LAYERS, WIDTH, INTERMEDIATE = 12, 768, 3072  # the published encoder (config.json of DNABERT-2-117M)
FLOPS_FORMULA = {
    "attention": "layers x (8 T d^2 + 4 T^2 d): projections of queries, keys, values and output; scores and their sum",
    "mlp": "layers x 6 T d f with the gate of DNABERT-2; layers x 4 T d f in the plain MLP of DNABERT",
    "symbols": f"T tokens with [CLS] and [SEP], layers = {LAYERS}, d = {WIDTH}, f = {INTERMEDIATE}; "
    "a multiplication with its addition counts as 2; embeddings, norms, softmax and heads are left out",
}


def flops(tokens: np.ndarray, gated: bool = True) -> dict[str, float]:
    """Forward FLOPs of the encoder for one sequence, mean over the sequences of ``tokens`` tokens.

    ``gated``: the feed-forward layer is DNABERT-2's GEGLU (three matrices), otherwise DNABERT's plain one (two).
    """
    attention, mlp = encoder_flops(tokens.astype(np.float64), LAYERS, WIDTH, INTERMEDIATE, gated)
    return {"attention": float(attention.mean()), "mlp": float(mlp.mean()), "total": float((attention + mlp).mean())}


EDITS = ("substitution", "insertion", "deletion")


def apply_edit(sequence: str, edit: str, random: np.random.Generator) -> str:
    """The sequence with one base substituted, inserted or deleted at a random position."""
    place = int(random.integers(len(sequence)))
    if edit == "deletion":
        return sequence[:place] + sequence[place + 1 :]
    if edit == "insertion":
        return sequence[:place] + "ACGT"[random.integers(4)] + sequence[place:]
    others = "ACGT".replace(sequence[place], "")
    return sequence[:place] + others[random.integers(len(others))] + sequence[place + 1 :]


def changed_tokens(before: np.ndarray, after: np.ndarray) -> int:
    """Number of tokens of the longer sequence outside of the prefix and the suffix that both share."""
    shorter = min(len(before), len(after))
    different = np.flatnonzero(before[:shorter] != after[:shorter])
    prefix = int(different[0]) if len(different) else shorter
    rest = shorter - prefix
    different = np.flatnonzero(before[len(before) - rest :][::-1] != after[len(after) - rest :][::-1])
    suffix = int(different[0]) if len(different) else rest
    return max(len(before), len(after)) - prefix - suffix


def independent_mask(tokens: int, share: float, random: np.random.Generator) -> np.ndarray:
    """Tokens chosen independently, as in the pre-training of DNABERT-2."""
    return random.random(tokens) < share


def contiguous_mask(tokens: int, share: float, run: int, random: np.random.Generator) -> np.ndarray:
    """Runs of ``run`` tokens, so that about ``share`` of all tokens are chosen, as in DNABERT."""
    chosen = np.zeros(tokens, dtype=bool)
    for start in np.flatnonzero(random.random(tokens) < share / run):
        chosen[start : start + run] = True
    return chosen


def leaked_tokens(starts: np.ndarray, lengths: np.ndarray, chosen: np.ndarray) -> tuple[int, int, int, int]:
    """How much of the masked (``chosen``) tokens is visible in unmasked tokens.

    ``starts``, ``lengths``: bases that each token covers. Returns the number of masked tokens, the number of those of
    which an unmasked token covers every base, the bases of the masked tokens, and the covered ones of these bases.
    """
    hidden = hidden_bases(starts, lengths, ~chosen)[chosen]
    whole = int(lengths[chosen].sum())
    return int(chosen.sum()), int((hidden == 0).sum()), whole, whole - int(hidden.sum())
