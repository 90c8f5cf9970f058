"""Audit one data set: leaks between its splits, contradicting labels, odd rows, and what little a model needs to know.

In: the folder with train.csv, dev.csv, test.csv and places.tsv. Out: a JSON file.
With --fail-on-leak a dev or test row that is related to a train row is an error, and nothing is written.

  relations    rows by the closest relation to an earlier row of their own split ("test"), or to a row of another
               ("test_in_train"): exact copy; reverse_complement, a copy once the other strand may be read; near, alike
               by their words (similarity.py); overlap, a place on the genome that shares a base, where places are known
  leaks        dev and test rows with any relation to train
  conflicting_labels    distinct sequences with more than one label, as they stand and read from either strand
  lengths, non_acgt     rows of unusual length, or with letters beside A, C, G and T; the first five by their lines
  gc           mean share of G and C by class, and how well it alone tells the classes apart (auroc): 0.5 not at all, 1
               entirely
  baseline     scores on test of a logistic regression on k-mer counts (baseline.py)
"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import write_json
from workflow_scripts.gue.csv_rows import read_rows
from workflow_scripts.gue.datasheet import Splits, read_places
from workflow_scripts.gue.examples import Example
from workflow_scripts.gue.genome import gc_count, is_acgt
from workflow_scripts.gue.kmer_baseline import kmer_baseline
from workflow_scripts.gue.relations import RELATIONS, earlier_related, either_strand
from workflow_scripts.gue.similarity import DEFINITION
from workflow_scripts.settings.names import SEED, SPLITS

NAMED_ROWS = 5


def read_splits(folder: Path) -> Splits:
    """The rows of the three CSV files, with their places where places.tsv has them."""
    places = read_places(folder / "places.tsv")
    splits = {}
    for name in SPLITS:
        path = folder / f"{name}.csv"
        if not path.is_file():
            raise UserError(f"{path}: no such file; build or import the data set first")
        with path.open(newline="") as lines:
            _header, rows = read_rows(lines, str(path))
        splits[name] = [row._replace(places=places[name, line]) for line, row in enumerate(rows, start=2)]
    return splits


def relations(splits: Splits) -> dict[str, dict[str, int | None]]:
    """Rows of each split by their closest relation to their own split, and to the splits before it.

    A relation is counted once a row; within a split the first row of several is not counted. ``overlap`` is ``None``
    where no row of the two splits has a place.
    """
    rows = [row for name in SPLITS for row in splits[name]]
    group = np.repeat(np.arange(len(SPLITS)), [len(splits[name]) for name in SPLITS])
    found = earlier_related(rows, group, len(SPLITS))
    placed = {name for name in SPLITS if any(row.places for row in splits[name])}
    counts = {}
    for number, name in enumerate(SPLITS):
        for earlier, other in enumerate(SPLITS[: number + 1]):
            key = name if name == other else f"{name}_in_{other}"
            counts[key] = {kind: int(found[kind][group == number, earlier].sum()) for kind in RELATIONS}
            if not {name, other} <= placed:
                counts[key]["overlap"] = None
    return counts


def related_rows(counts: dict[str, int | None]) -> int:
    """Rows with any relation."""
    return sum(filter(None, counts.values()))


def contradictions(keys: Iterable[Hashable], labels: Iterable[int]) -> int:
    """Distinct keys that come with more than one label."""
    found = defaultdict(set)
    for key, label in zip(keys, labels, strict=True):
        found[key].add(label)
    return sum(len(members) > 1 for members in found.values())


def conflicting_labels(splits: Splits) -> dict[str, int]:
    """Distinct sequences with more than one label, compared as they stand and read from either strand."""
    rows = [row for name in SPLITS for row in splits[name]]
    labels = [row.label for row in rows]
    return {
        "exact": contradictions((row.sequences for row in rows), labels),
        "either_strand": contradictions((either_strand(row.sequences) for row in rows), labels),
    }


def odd_rows(
    splits: Splits, is_odd: Callable[[Example], bool], facts: Callable[[Example], dict[str, Any]]
) -> dict[str, Any]:
    """How many rows are odd, and the first five of them: split, line of its CSV file, and facts."""
    found = [
        {"split": name, "line": line, **facts(row)}
        for name in SPLITS
        for line, row in enumerate(splits[name], start=2)
        if is_odd(row)
    ]
    return {"rows": len(found), "first": found[:NAMED_ROWS]}


def bases(row: Example) -> int:
    """Letters of a row, those of an enhancer and its promoter added."""
    return sum(map(len, row.sequences))


def lengths(splits: Splits) -> dict[str, Any]:
    """Range and median of the rows' lengths in bases, the commonest one, and the rows that have another."""
    every = [bases(row) for name in SPLITS for row in splits[name]]
    usual = min(Counter(every).items(), key=lambda item: (-item[1], item[0]))[0]
    others = odd_rows(splits, lambda row: bases(row) != usual, lambda row: {"length": bases(row)})
    return {"min": min(every), "median": median(every), "max": max(every), "usual": usual, "other": others}


def other_letters(row: Example) -> str:
    """The letters of a row that are not A, C, G or T, each once."""
    return "".join(sorted(set("".join(row.sequences)) - set("ACGT")))


def non_acgt(splits: Splits) -> dict[str, Any]:
    """The rows with any other letter, lower case among them."""
    return odd_rows(
        splits, lambda row: not all(map(is_acgt, row.sequences)), lambda row: {"letters": other_letters(row)}
    )


def gc_shares(rows: list[Example]) -> np.ndarray:
    """The share of G and C among the letters of each row, [rows]."""
    return np.array([sum(map(gc_count, row.sequences)) / bases(row) for row in rows])


def gc(splits: Splits) -> dict[str, Any]:
    """The mean share of G and C by class, and how well it alone tells the classes apart.

    The latter is the area under the ROC curve of the share, read in the direction that helps, over all rows: 0.5 to 1;
    with more than two classes the mean of each against the rest; ``None`` where there is one class.
    """
    rows = [row for name in SPLITS for row in splits[name]]
    labels, shares = np.array([row.label for row in rows]), gc_shares(rows)
    classes = np.unique(labels).tolist()
    areas = [roc_auc_score(labels == label, shares) for label in classes] if len(classes) > 1 else []
    return {
        "mean_by_class": {str(label): round(float(shares[labels == label].mean()), 4) for label in classes},
        "auroc": round(mean(max(area, 1 - area) for area in areas), 4) if areas else None,
    }


def audit(splits: Splits, seed: int) -> dict[str, Any]:
    """All figures of a data set. ``seed`` draws the training rows of the baseline where there are very many."""
    related = relations(splits)
    return {
        "rows": {name: len(splits[name]) for name in SPLITS},
        "relations": related,
        "near_is": DEFINITION,
        "leaks": {name: related_rows(related[f"{name}_in_train"]) for name in ("dev", "test")},
        "conflicting_labels": conflicting_labels(splits),
        "classes": {
            name: {str(label): count for label, count in Counter(row.label for row in splits[name]).items()}
            for name in SPLITS
        },
        "lengths": lengths(splits),
        "non_acgt": non_acgt(splits),
        "gc": gc(splits),
        "baseline": kmer_baseline(splits, seed),
    }


def check_leaks(dataset: str, figures: dict[str, Any]) -> None:
    """Raise UserError where a dev or test row is related to a train row."""
    found = []
    for name, leaks in figures["leaks"].items():
        if leaks:
            counts = figures["relations"][f"{name}_in_train"]
            kinds = ", ".join(f"{kind} {count}" for kind, count in counts.items() if count)
            found.append(f"{leaks} of {figures['rows'][name]} {name} rows ({kinds})")
    if found:
        raise UserError(
            f"{dataset}: {' and '.join(found)} are related to train rows; build it with "
            "gue.split: homology, or accept it with gue.fail_on_leak: false"
        )


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", required=True, help="task of the data set")
    parser.add_argument("--dataset", required=True, help="name of the data set within its task, e.g. H3 or tata")
    parser.add_argument("--data", required=True, type=Path, help="folder with the CSV files and places.tsv")
    parser.add_argument("--fail-on-leak", action="store_true", help="leaks are an error")
    parser.add_argument(
        "--seed", type=int, default=SEED, help="seed of the baseline's draw of rows (default %(default)s)"
    )
    parser.add_argument("--out", required=True, type=Path, help="JSON file to write")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    arguments = build_parser().parse_args(argv)
    figures = audit(read_splits(arguments.data), arguments.seed)
    if arguments.fail_on_leak:
        check_leaks(f"{arguments.task}/{arguments.dataset}", figures)
    write_json(arguments.out, {"task": arguments.task, "dataset": arguments.dataset, **figures})


if __name__ == "__main__":
    sys.exit(main())
