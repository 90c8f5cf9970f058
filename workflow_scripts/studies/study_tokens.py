"""Study of tokens: whether words of a learned vocabulary are enriched in annotated features of a genome.

In:  a tokenizer directory, the chunk file and the token shard of a genome, and its features (BED; the name of a line is
     the kind of the feature).
Out: ``--out`` (JSON), the verdict; ``--table`` (TSV), the words with the smallest p of each kind: tokens inside and in
     all, fold of enrichment, p and q.

For each word and each kind of feature, Fisher's exact test asks whether tokens of that word have their middle inside
such features more often than tokens of other words. The p values of all words and kinds are corrected together
(Benjamini and Hochberg 1995). Tokens and features both come in clusters, which the test takes for independent, so the
count of enriched pairs is compared with that after moving all features along the genome by a random distance, which
keeps the clusters. The enriched pairs minus those after the moves decide, with the interval of the moves.

Features differ from the rest of a genome in their composition, so words of a vocabulary that nobody learned would be
enriched too. The study says which tokens fall into features, not that learning put them there.
"""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from scipy import stats

from workflow_scripts.common.chunk_reader import chunk_file_errors
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import open_text
from workflow_scripts.common.intervals import percentile_interval
from workflow_scripts.common.progress import Progress
from workflow_scripts.common.randomness import generator
from workflow_scripts.common.special_tokens import SPECIAL_TOKENS
from workflow_scripts.studies import vocabularies
from workflow_scripts.studies.claim_result import Claim, Comparison, write_result
from workflow_scripts.studies.study_options import parser_of
from workflow_scripts.studies.vocabularies import Vocabulary

CLAIM = Claim(
    "tokens",
    "Are tokens of the learned vocabulary enriched in annotated features, beyond what their clustering explains?",
    "an open question of a summary of the paper: what do the learned tokens mean biologically?",
)
LEVEL = 0.05
MOVES = 100
TOP = 10
Features = dict[str, dict[str, list[tuple[int, int]]]]
"""Kind -> contig -> (start, end) of the features."""


def read_features(path: Path) -> Features:
    """The features of a BED file by kind. Raises UserError for a line that has no name."""
    found: Features = {}
    with open_text(path) as handle:
        for number, line in enumerate(handle, start=1):
            fields = line.rstrip("\n").split("\t")
            if len(fields) < 4 or not (fields[1] + fields[2]).isdecimal():
                raise UserError(f"{path}:{number}: not BED with a name, the kind of the feature; see --features")
            found.setdefault(fields[3], {}).setdefault(fields[0], []).append((int(fields[1]), int(fields[2])))
    return found


def token_places(chunks: Path, shard: Path, vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids, contigs and middles (in bases of the contig) of all tokens of a genome, [tokens] each."""
    with chunk_file_errors(chunks):
        rows = pq.read_table(chunks, columns=["contig", "start", "end"]).to_pylist()
    ids, index = np.load(shard), np.load(shard.with_suffix(".index.npy"))
    lengths = vocabulary.lengths[ids]
    ends = np.cumsum(lengths)
    middles = np.empty(len(ids))
    contigs = np.empty(len(ids), dtype=object)
    for row, place in zip(rows, index, strict=True):
        here = slice(place["start"], place["start"] + place["length"])
        offset = ends[here] - lengths[here] / 2 - (ends[here.start] - lengths[here.start] if place["length"] else 0)
        middles[here] = row["end"] - offset if place["reverse"] else row["start"] + offset
        contigs[here] = row["contig"]
    return ids, contigs, middles


def inside(contigs: np.ndarray, middles: np.ndarray, features: dict[str, list[tuple[int, int]]]) -> np.ndarray:
    """Whether the middle of each token is in a feature of one kind, [tokens]."""
    found = np.zeros(len(middles), dtype=bool)
    for contig, intervals in features.items():
        here = np.flatnonzero(contigs == contig)
        starts, ends = (np.sort(np.array(side)) for side in zip(*intervals, strict=True))
        # a base is inside as often as more features have begun than ended
        depth = np.searchsorted(starts, middles[here], "right") - np.searchsorted(ends, middles[here], "right")
        found[here] = depth > 0
    return found


def enrichment(ids: np.ndarray, within: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tokens of each word inside, [size], in all, [size], and p of Fisher's one-sided exact test, [size]."""
    total = np.bincount(ids, minlength=size)
    found = np.bincount(ids[within], minlength=size)
    p = stats.hypergeom.sf(found - 1, len(ids), total, int(within.sum()))
    return found, total, np.where(total > 0, p, 1.0)


def corrected(p: np.ndarray) -> np.ndarray:
    """q values of Benjamini and Hochberg, of the shape of ``p``."""
    order = np.argsort(p, axis=None)
    ranked = p.ravel()[order] * p.size / np.arange(1, p.size + 1)
    q = np.empty(p.size)
    q[order] = np.minimum.accumulate(ranked[::-1])[::-1].clip(max=1)
    return q.reshape(p.shape)


def enriched_pairs(ids: np.ndarray, within: np.ndarray, words: np.ndarray) -> int:
    """How many pairs of a word (of ``words``, ids) and a kind of feature (rows of ``within``) have a q below LEVEL."""
    p = np.array([enrichment(ids, row, int(words.max()) + 1)[2][words] for row in within])
    return int((corrected(p) < LEVEL).sum())


def study(ids: np.ndarray, within: np.ndarray, words: np.ndarray, seed: int, moves: int = MOVES) -> Comparison:
    """Enriched pairs minus those after moving the features along the genome, with the 95% interval of the moves."""
    found = enriched_pairs(ids, within, words)
    by_chance = []
    with Progress(moves, "move", "moving features") as progress:
        for number in range(moves):
            distance = int(generator(seed, "study tokens", number).integers(1, len(ids)))
            by_chance.append(enriched_pairs(ids, np.roll(within, distance, axis=1), words))
            progress.step()
    low, high = percentile_interval(found - np.array(by_chance)) or (None, None)
    name = f"pairs of a word and a kind of feature with q < {LEVEL}, minus those after moving the features"
    return Comparison(name, found - float(np.mean(by_chance)), low, high, "above", "random moves", "pairs")


def table(vocabulary: Vocabulary, ids: np.ndarray, kinds: list[str], within: np.ndarray) -> list[dict[str, Any]]:
    """The TOP words of each kind by p, of those that are enriched or not."""
    found = [enrichment(ids, row, len(vocabulary.words)) for row in within]
    q = corrected(np.array([p for _, _, p in found]))
    rows = []
    for kind, row, (inside_counts, total, p), kind_q in zip(kinds, within, found, q, strict=True):
        share = row.mean()
        for word in np.argsort(p, kind="stable")[:TOP].tolist():
            fold = float(inside_counts[word] / total[word] / share) if total[word] and share else None
            counts = {"inside": int(inside_counts[word]), "tokens": int(total[word]), "fold": fold}
            rows.append({"feature": kind, "word": vocabulary.words[word]} | counts | {"p": p[word], "q": kind_q[word]})
    return rows


def build_parser() -> ArgumentParser:
    parser = parser_of(__doc__)
    parser.add_argument("--model", required=True, help="the model whose vocabulary this is, for the record")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer directory, with stats.json")
    parser.add_argument("--chunks", type=Path, required=True, help="chunk file of the genome")
    parser.add_argument("--tokens", type=Path, required=True, help="token shard of the genome")
    parser.add_argument("--features", type=Path, required=True, help="features (BED; the name is the kind)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    vocabulary = vocabularies.load(args.tokenizer)
    features = read_features(args.features)
    ids, contigs, middles = token_places(args.chunks, args.tokens, vocabulary)
    within = np.array([inside(contigs, middles, of_kind) for of_kind in features.values()])
    if not within.any():
        raise UserError(f"{args.features}: no feature in the chunks of {args.chunks}; compare the contigs")
    words = np.array([number for number, word in enumerate(vocabulary.words) if word not in SPECIAL_TOKENS])
    kinds = {kind: sum(map(len, places.values())) for kind, places in features.items()}
    setting = {
        "scale": args.scale,
        "model": args.model,
        "genome": args.chunks.stem,
        "features": kinds,
        "tokens": len(ids),
    }
    part = study(ids, within, words, args.seed)
    write_result(CLAIM, [part], setting, table(vocabulary, ids, list(features), within), args.out, args.table)


if __name__ == "__main__":
    sys.exit(main())
