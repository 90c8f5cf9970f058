"""Find the tokens and motifs that carry the predictions of a set of sequences, against their shuffles.

In:  the files of all parts of explain_sequences with --shuffled; and with ``--motifs`` known motifs, as matrices.
Out: the folder ``--out`` with
     tokens.tsv        what each token adds to the prediction, in sequences and in shuffles, p and q
     seqlets.tsv       the stretches of high importance, with the best known motif of each
     motifs.tsv        the same as tokens.tsv, of the seqlets that match a known motif
     token_motifs.tsv  which tokens match which known motifs: score, p and q
     record.json       counts, thresholds, and the question that comes first: does the model tell the sequences from
                       their shuffles?

Only places of high importance are counted: a token by its mean importance, a seqlet by that of 8 bases. Pairs count if
the sequence or its shuffle is predicted as the class; all of a regression or of several labels. Of overlapping windows
of a sequence the first is used. docs/explain.md says how the tests work.
"""

import sys
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from workflow_scripts.apply import options
from workflow_scripts.apply.blocks import joined
from workflow_scripts.apply.explanations import Map, Meaning, read_meaning
from workflow_scripts.apply.known_motifs import Matcher, read_motifs
from workflow_scripts.apply.paired_tests import Tally, corrected, signed_rank, tested
from workflow_scripts.apply.seqlets import Seqlet, high, seqlets
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic_directory, write_json, write_table
from workflow_scripts.common.sequences import OTHER, base_codes

HIGH_TOKEN = 0.9
"""The share of all tokens, of sequences and shuffles together, that is below one of high importance."""
MATCH = 0.01
"""A seqlet matches a motif if its p is below: a motif of 6 bases in the 16 of a seqlet cannot be rarer than 0.005."""
TESTED = ["sequences", "shuffles", "contribution", "contribution_shuffled", "p", "q"]
PLACED = ["record", "start", "end", "letters", "importance", "motif", "score", "p"]
MATCHED = ["token", "motif", "score", "p", "q"]


class Pair(NamedTuple):
    """A window and its shuffle."""

    record: int
    start: int
    real: Map
    shuffled: Map


def pairs_of(tables: Iterable[pa.Table], meaning: Meaning) -> Iterator[Pair]:
    """The pairs that count, see the module."""
    record, end = -1, 0
    for table in tables:
        for row in table.drop_columns(["gradients", "delta"]).to_pylist():
            if row["record"] == record and row["start"] < end:
                continue
            record, end = row["record"], row["end"]
            real, shuffled = Map.of_row(row["map"]), Map.of_row(row["shuffled"])
            if meaning.problem != "classification" or row["output"] in (real.predicted, shuffled.predicted):
                yield Pair(record, row["start"], real, shuffled)


def token_values(found: Map) -> Iterator[tuple[str, float, float]]:
    """Letters, and mean and sum of the importance, of each token whose bases all have one."""
    values = found.importance
    for start, end in found.tokens.tolist():
        if end > start and np.isfinite(values[start:end]).all():
            yield found.letters[start:end], float(values[start:end].mean()), float(values[start:end].sum())


def high_token(pairs: list[Pair]) -> float:
    """The mean importance that tokens must have to be counted."""
    means = [mean for pair in pairs for one in (pair.real, pair.shuffled) for _, mean, _ in token_values(one)]
    return max(float(np.quantile(means, HIGH_TOKEN)), 0.0) if means else np.inf


def tally_tokens(pairs: list[Pair], threshold: float) -> dict[str, Tally]:
    """What each token adds where its importance is above a threshold."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    for number, pair in enumerate(pairs):
        for found, side in ((pair.real, "real"), (pair.shuffled, "shuffled")):
            for word, mean, total in token_values(found):
                if mean >= threshold:
                    getattr(tallies[word], side)[number] += total
    return tallies


def composition(pairs: list[Pair]) -> np.ndarray:
    """Frequencies of the four bases, [4], each counted once more."""
    counts = np.bincount(base_codes("".join(pair.real.letters for pair in pairs)), minlength=OTHER + 1)[:OTHER] + 1
    return counts / counts.sum()


class Matched(NamedTuple):
    """A seqlet of a pair, and how well it matches each motif: ``scores`` and ``p`` [motifs]."""

    pair: int
    seqlet: Seqlet
    scores: np.ndarray
    p: np.ndarray


def match_seqlets(maps: list[Map], threshold: float, matcher: Matcher) -> list[Matched]:
    """The seqlets of all maps with their matches."""
    found = [(number, one) for number, mapped in enumerate(maps) for one in seqlets(mapped, threshold)]
    scores, p = matcher.match([one.letters for _, one in found])
    return [Matched(*one, *values) for one, *values in zip(found, scores, p, strict=True)]


def tally_motifs(real: list[Matched], shuffled: list[Matched], names: list[str]) -> dict[str, Tally]:
    """What the seqlets that match each motif add."""
    tallies = {name: Tally() for name in names}
    for matches, side in ((real, "real"), (shuffled, "shuffled")):
        for one in matches:
            for number in np.flatnonzero(one.p < MATCH):
                getattr(tallies[names[number]], side)[one.pair] += one.seqlet.importance
    return tallies


def seqlet_rows(pairs: list[Pair], matches: list[Matched], matcher: Matcher) -> Iterator[dict[str, Any]]:
    """The seqlets of the sequences with their best motif; places are of the record."""
    for pair, one, scores, p in matches:
        best = int(p.argmin()) if len(p) else None
        motif: dict[str, Any] = {"motif": None, "score": None, "p": None}
        if best is not None:
            motif = {"motif": matcher.motifs[best].name, "score": f"{scores[best]:.4g}", "p": f"{p[best]:.3g}"}
        start = pairs[pair].start
        place = {"record": pairs[pair].record + 1, "start": start + one.start, "end": start + one.end}
        yield place | {"letters": one.letters, "importance": f"{one.importance:.6g}"} | motif


def token_motifs(words: list[str], matcher: Matcher) -> list[dict[str, Any]]:
    """The match of each token with each motif, the smallest p first."""
    scores, p = matcher.match(words)
    q = np.reshape(corrected(p.ravel()), p.shape)
    rows = [
        {"token": words[row], "motif": matcher.motifs[column].name, "score": scores[row, column]}
        | {"p": p[row, column], "q": q[row, column]}
        for row, column in np.argwhere(np.isfinite(p))
    ]
    return sorted(rows, key=lambda row: (row["p"], row["token"], row["motif"]))


def rounded(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows whose numbers have five digits."""
    return [{key: f"{x:.5g}" if isinstance(x, float) else x for key, x in row.items()} for row in rows]


def find(pairs: list[Pair], motifs: Path | None, folder: Path) -> dict[str, Any]:
    """Write the tables; returns what the record says about them."""
    first = signed_rank(np.array([pair.real.value - pair.shuffled.value for pair in pairs]))
    threshold, tokens = high([one for pair in pairs for one in (pair.real, pair.shuffled)]), high_token(pairs)
    background = composition(pairs)
    matcher = Matcher(read_motifs(motifs, background) if motifs else [], background)
    real = match_seqlets([pair.real for pair in pairs], threshold, matcher)
    shuffled = match_seqlets([pair.shuffled for pair in pairs], threshold, matcher)
    token_rows = tested(tally_tokens(pairs, tokens), len(pairs), first)
    motif_rows = tested(tally_motifs(real, shuffled, [one.name for one in matcher.motifs]), len(pairs), first)
    words = sorted({word for pair in pairs for word, _, _ in token_values(pair.real)})
    write_table(folder / "tokens.tsv", rounded(token_rows), ["name", *TESTED])
    write_table(folder / "seqlets.tsv", seqlet_rows(pairs, real, matcher), PLACED)
    if motifs:
        write_table(folder / "motifs.tsv", rounded(motif_rows), ["name", *TESTED])
        write_table(folder / "token_motifs.tsv", rounded(token_motifs(words, matcher)), MATCHED)
    return {
        "pairs": len(pairs),
        "p_of_values": first,
        "high_importance": {"seqlets": threshold, "tokens": tokens},
        "seqlets": {"sequences": len(real), "shuffles": len(shuffled)},
        "tested": {"tokens": len(token_rows), "motifs": len(motif_rows)},
        "significant": {
            "tokens": sum(row["q"] < 0.05 for row in token_rows),
            "motifs": sum(row["q"] < 0.05 for row in motif_rows),
        },
    }


def build_parser() -> ArgumentParser:
    parser = options.parser_of(__doc__)
    options.joining_options(parser, "explain_sequences --shuffled")
    parser.add_argument("--motifs", type=Path, help="matrices of known motifs: JASPAR, MEME (minimal), or four rows")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    meaning = read_meaning(args.parts[0])
    if not meaning.shuffled or meaning.output is None:
        raise UserError(f"{args.parts[0]}: has no shuffles; compute it with explain_sequences --shuffled")
    pairs = list(pairs_of(joined(args.parts), meaning))
    if not pairs:
        raise UserError(f"{args.parts[0]}: no sequence is predicted as {meaning.name(meaning.output)}")
    with atomic_directory(args.out) as folder:
        record = find(pairs, args.motifs, folder)
        explained = {"do": "motifs", "explained": meaning.name(meaning.output)}
        write_json(folder / "record.json", explained | asdict(meaning) | record)


if __name__ == "__main__":
    sys.exit(main())
