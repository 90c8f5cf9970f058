"""Join the parts of score_variants into what people open: an annotated VCF, a table, and how well labels are found.

In:  the files of all parts in their order, and the variants that they were computed from.
Out: the folder ``--out`` with
     variants.vcf.gz   all of the input, with an INFO field for each score; compressed by bgzip, and indexed by tabix
                       if the input is sorted
     variants.tsv      a line for each alternative allele: place, kind, why it has no score, scores
     evaluation.tsv    with ``--labels``: AUROC and AUPRC of each score for all alleles and each kind of variant, with
                       95% intervals over alleles (bootstrap), and of floors that use no model
     record.json       what was applied to what, and counts that add up

The fields are named DNABERT_ and the score; their header lines name the model and say what the score is. ``worse`` in
evaluation.tsv is which values count as worse: low, high, or both for those far from zero.
"""

import json
import re
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pysam

from workflow_scripts.apply import options
from workflow_scripts.apply.blocks import joined
from workflow_scripts.apply.results import Table
from workflow_scripts.apply.variant_evaluation import COLUMNS, Labels, evaluate, parse_labels
from workflow_scripts.apply.variant_input import open_variants, records_of
from workflow_scripts.apply.variant_scores import FLOORS, Score
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic_directory, digest, write_json

PREFIX = "DNABERT_"
FIXED = ("contig", "position", "id", "reference", "alternative", "kind", "unscored")


class Meaning(NamedTuple):
    """What the columns of score_variants are, from the metadata of its files."""

    scores: list[Score]
    models: list[str]
    window: int


class Scored(NamedTuple):
    """A record with the rows of its alleles, see score_variants."""

    record: pysam.VariantRecord
    rows: list[dict[str, Any]]


def read_meaning(part: Path) -> Meaning:
    """The metadata of a file of score_variants."""
    found = json.loads(pq.read_schema(part).metadata[b"variants"])
    return Meaning([Score(**score) for score in found["scores"]], found["models"], found["window"])


def by_record(tables: Iterable[pa.Table], variants: pysam.VariantFile, path: Path) -> Iterator[Scored]:
    """Each record with its results. Raises UserError if they are of other variants."""
    rows = (row for table in tables for row in table.to_pylist())
    grouped = groupby(rows, key=lambda row: row["record"])
    for number, record in enumerate(records_of(variants, path)):
        found, alleles = next(grouped, (-1, iter(())))
        results = list(alleles)
        if found != number or len(results) != max(len(record.alts or ()), 1):
            raise UserError(f"{path}: record {number + 1}: the results are of other variants; compute them again")
        yield Scored(record, results)
    if next(grouped, None) is not None:
        raise UserError(f"{path}: the results are of more variants; compute them again")


def info_names(scores: Sequence[Score], header: pysam.VariantHeader) -> dict[str, str]:
    """The INFO field of each score that a model gives. Raises UserError for one that the input has already."""
    floors, names = {score.name for score in FLOORS}, dict[str, str]()
    for score in scores:
        if score.name in floors:
            continue
        name = plain = PREFIX + re.sub("[^A-Za-z0-9_.]", "_", score.name).upper()
        number = 1
        while name in names.values():  # such as delta_CD4+ and delta_CD4-
            number += 1
            name = f"{plain}_{number}"
        if name in header.info:
            raise UserError(f"the input has an INFO field {name} already; remove it first (bcftools annotate -x)")
        names[score.name] = name
    return names


def add_header_lines(header: pysam.VariantHeader, names: dict[str, str], meaning: Meaning) -> None:
    """Describe the new INFO fields."""
    meanings = {score.name: score.meaning for score in meaning.scores}
    models = ", ".join(meaning.models).replace('"', "'")
    for score, name in names.items():
        header.info.add(name, "A", "Float", f"{meanings[score]}; model {models}; window of {meaning.window} bases")


class Order:
    """Whether records are sorted as an index needs them: each contig in one piece, positions ascending."""

    def __init__(self) -> None:
        self.contig, self.position, self.seen, self.sorted = "", 0, set[str](), True

    def add(self, contig: str, position: int) -> None:
        if contig != self.contig:
            self.sorted &= contig not in self.seen
            self.seen.add(contig)
        elif position < self.position:
            self.sorted = False
        self.contig, self.position = contig, position


class Labelled(NamedTuple):
    """The scored alleles that have a label."""

    values: list[list[float]]
    labels: list[bool]
    kinds: list[str]


def write_scored(
    scored: Iterable[Scored], variants: pysam.VariantFile, meaning: Meaning, labels: Labels | None, folder: Path
) -> tuple[Counter[str], bool, Labelled]:
    """Write VCF and table; returns counts, whether the records are sorted, and the alleles with labels."""
    names, order, counts = info_names(meaning.scores, variants.header), Order(), Counter[str]()
    add_header_lines(variants.header, names, meaning)
    labelled = Labelled([], [], [])
    columns = [*FIXED, *(score.name for score in meaning.scores)]
    with (
        pysam.BGZFile(str(folder / "variants.vcf.gz"), "w", None) as vcf,
        Table(folder / "variants.tsv", columns) as table,
    ):
        vcf.write(str(variants.header).encode())
        for record, rows in scored:
            order.add(record.contig, record.pos)
            counts["records"] += 1
            for row, alternative in zip(rows, record.alts or (".",), strict=True):
                values = [row[score.name] for score in meaning.scores]
                place = [record.contig, record.pos, record.id or ".", record.ref, alternative]
                table.write([*place, row["kind"], row["reason"], *("" if one is None else one for one in values)])
                counts[row["reason"] or "scored"] += 1
                label = labels.of(record, row["allele"]) if labels and not row["reason"] else None
                if label is not None:
                    labelled.values.append(values)
                    labelled.labels.append(label)
                    labelled.kinds.append(row["kind"])
            if record.alts and any(not row["reason"] for row in rows):
                for score, name in names.items():
                    record.info[name] = tuple(row[score] for row in rows)
            vcf.write(str(record).encode())
    return counts, order.sorted, labelled


def build_parser() -> ArgumentParser:
    parser = options.parser_of(__doc__)
    options.joining_options(parser, "score_variants")
    parser.add_argument("--input", type=Path, required=True, help="the variants that they were computed from")
    parser.add_argument(
        "--labels",
        type=parse_labels,
        help="INFO field with labels: KEY=POSITIVE, KEY=POSITIVE,...:NEGATIVE,... or the name of a Flag",
    )
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    meaning = read_meaning(args.parts[0])
    with open_variants(args.input) as variants, atomic_directory(args.out) as folder:
        scored = by_record(joined(args.parts), variants, args.input)
        counts, ordered, labelled = write_scored(scored, variants, meaning, args.labels, folder)
        if ordered:
            pysam.tabix_index(str(folder / "variants.vcf.gz"), preset="vcf")
        if args.labels:
            values = np.array(labelled.values, dtype=float).reshape(-1, len(meaning.scores))
            rows = evaluate(values, np.array(labelled.labels, dtype=bool), labelled.kinds, meaning.scores)
            with Table(folder / "evaluation.tsv", COLUMNS) as table:
                for row in rows:
                    table.write([row[column] for column in COLUMNS])
        records, scores = counts.pop("records", 0), counts.pop("scored", 0)
        summary = {"do": "variants", "input": str(args.input), "input_sha256": digest(args.input), "sorted": ordered}
        summary |= {
            "models": meaning.models,
            "window": meaning.window,
            "scores": {s.name: s.meaning for s in meaning.scores},
        }
        summary |= {"records": records, "alleles": scores + counts.total(), "scored": scores, "unscored": dict(counts)}
        write_json(folder / "record.json", summary | {"labelled": len(labelled.labels)})


if __name__ == "__main__":
    sys.exit(main())
