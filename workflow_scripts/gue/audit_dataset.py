"""Audit a data set: leaks between its splits, contradicting labels, odd rows, and how well simple features predict.

In: the folder with train.csv, dev.csv, test.csv and places.tsv. Out: a JSON file, and a table of the test rows.
With --fail-on-leak, a dev or test row that is related to a train row is an error, and no file is written.

  relations    rows by their closest relation to an earlier row of their own split ("test") or to a row of another
               split ("test_in_train"): exact, a copy; reverse_complement, a copy on the other strand; near, a
               near-duplicate by shared 14-mers (similarity.py); derived, one made from the other (derived_pairs.py);
               overlap, a shared base on the genome, if places are known
  derived      derived pairs of each kind, and how many of them have different labels: all if negatives were made from
               positives, half if the pairs are there by chance, none if they are relatives
  leaks        dev and test rows with any relation to train
  conflicting_labels    distinct sequences with more than one label, compared exactly and on either strand
  lengths, non_acgt     rows of unusual length, or with unknown letters, such as N; the first five by line
  unknown_letters       the share of letters that are unknown, by split
  gc           mean GC content of the known letters by class, and how well it predicts the class (auroc): 0.5 not at
               all, 1 perfectly
  baseline     test scores of a logistic regression on k-mer counts (kmer_baseline.py)
  nearest_neighbour    test scores of copying the label of the most similar train row (lookup_floors.py)
  partner_flip         test scores of taking another label than that of the partner in train, or the most frequent label
               for a row without a partner; the test rows with a partner, and those whose partner has another label

The table has a line for each test row: its line in test.csv, its closest relation to train, and the line in train.csv
and the label of the most similar row, with the similarity, and of its partner.
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
from workflow_scripts.common.files import write_json, write_table
from workflow_scripts.common.letters import NOTABLE, unknown_letters
from workflow_scripts.common.sequences import BASES, OTHER, base_codes
from workflow_scripts.gue.csv_rows import read_splits
from workflow_scripts.gue.kmer_baseline import baseline_scores
from workflow_scripts.gue.labelled_examples import Example, Splits
from workflow_scripts.gue.lookup_floors import COLUMNS, LookedUp, count_pairs, look_up, look_up_scores, table_of
from workflow_scripts.gue.relatedness import Related, earlier_related, strand_independent
from workflow_scripts.gue.similarity import DEFINITION
from workflow_scripts.settings.names import SEED, SPLITS

NAMED_ROWS = 5


def relate(splits: Splits) -> Related:
    """The relations of the rows of all splits, in their order, to earlier rows of each split."""
    group = np.repeat(np.arange(len(SPLITS)), [len(splits[name]) for name in SPLITS])
    return earlier_related([row for name in SPLITS for row in splits[name]], group, len(SPLITS))


def count_relations(splits: Splits, related: Related) -> dict[str, dict[str, int | None]]:
    """Rows of each split by their closest relation to their own split and to each earlier split.

    Each row counts once; within a split, the first of several related rows does not count. ``overlap`` is ``None`` if
    one of the two splits has no known place.
    """
    ends = np.cumsum([len(splits[name]) for name in SPLITS])
    placed = {name for name in SPLITS if any(row.places for row in splits[name])}
    counts = {}
    for number, (name, end) in enumerate(zip(SPLITS, ends, strict=True)):
        for earlier, other in enumerate(SPLITS[: number + 1]):
            key = name if name == other else f"{name}_in_{other}"
            by_kind: dict[str, int | None] = {
                kind: int(found[end - len(splits[name]) : end, earlier].sum())
                for kind, found in related.closest.items()
            }
            if not {name, other} <= placed:
                by_kind["overlap"] = None
            counts[key] = by_kind
    return counts


def count_related(counts: dict[str, int | None]) -> int:
    """Rows with any relation."""
    return sum(filter(None, counts.values()))


def count_conflicts(keys: Iterable[Hashable], labels: Iterable[Hashable]) -> int:
    """Distinct keys with more than one label."""
    found = defaultdict(set)
    for key, label in zip(keys, labels, strict=True):
        found[key].add(label)
    return sum(len(members) > 1 for members in found.values())


def conflicting_labels(splits: Splits) -> dict[str, int]:
    """Distinct sequences with more than one label, compared exactly and on either strand."""
    rows = [row for name in SPLITS for row in splits[name]]
    labels = [row.label for row in rows]
    return {
        "exact": count_conflicts((row.sequences for row in rows), labels),
        "either_strand": count_conflicts((strand_independent(row.sequences) for row in rows), labels),
    }


def odd_rows(
    splits: Splits, is_odd: Callable[[Example], bool], facts: Callable[[Example], dict[str, Any]]
) -> dict[str, Any]:
    """The number of odd rows, and the first five of them: split, line in its CSV file, and facts."""
    found = [
        {"split": name, "line": line, **facts(row)}
        for name in SPLITS
        for line, row in enumerate(splits[name], start=2)
        if is_odd(row)
    ]
    return {"rows": len(found), "first": found[:NAMED_ROWS]}


def row_length(row: Example) -> int:
    """Letters of a row; for pairs, of both sequences together."""
    return sum(map(len, row.sequences))


def summarize_lengths(splits: Splits) -> dict[str, Any]:
    """Range, median and mode of the rows' lengths in bases, and the rows of another length than the mode."""
    lengths = [row_length(row) for name in SPLITS for row in splits[name]]
    mode = min(Counter(lengths).items(), key=lambda item: (-item[1], item[0]))[0]
    others = odd_rows(splits, lambda row: row_length(row) != mode, lambda row: {"length": row_length(row)})
    return {"min": min(lengths), "median": median(lengths), "max": max(lengths), "usual": mode, "other": others}


def other_letters(row: Example) -> str:
    """The distinct unknown letters of a row, in upper case."""
    return "".join(sorted(letter for letter in set("".join(row.sequences).upper()) if unknown_letters(letter)))


def non_acgt(splits: Splits) -> dict[str, Any]:
    """The rows with unknown letters."""
    return odd_rows(
        splits, lambda row: any(map(unknown_letters, row.sequences)), lambda row: {"letters": other_letters(row)}
    )


def unknown_shares(splits: Splits) -> dict[str, float]:
    """The share of unknown letters in each split."""
    unknown = {
        name: sum(unknown_letters(part) for row in rows for part in row.sequences) for name, rows in splits.items()
    }
    return {name: unknown[name] / sum(map(row_length, rows)) for name, rows in splits.items()}


def gc_contents(rows: list[Example]) -> np.ndarray:
    """The share of G and C among the known letters of each row, [rows]; 0 for a row without any."""
    counts = np.array([np.bincount(base_codes("".join(row.sequences)), minlength=5) for row in rows])
    return counts[:, [BASES.index("C"), BASES.index("G")]].sum(axis=1) / np.maximum(counts[:, :OTHER].sum(axis=1), 1)


def summarize_gc(splits: Splits) -> dict[str, Any]:
    """The mean GC content by class, and how well GC content predicts the class.

    The latter is the area under the ROC curve over all rows, in the better of both directions: 0.5 to 1. With more than
    two classes it is the mean over each class against the rest; with one class it is ``None``.
    """
    rows = [row for name in SPLITS for row in splits[name]]
    labels, contents = np.array([row.label for row in rows]), gc_contents(rows)
    classes = np.unique(labels).tolist()
    areas = [roc_auc_score(labels == label, contents) for label in classes] if len(classes) > 1 else []
    return {
        "mean_by_class": {str(label): round(float(contents[labels == label].mean()), 4) for label in classes},
        "auroc": round(mean(max(area, 1 - area) for area in areas), 4) if areas else None,
    }


def audit(splits: Splits, related: Related, looked_up: LookedUp, seed: int) -> dict[str, Any]:
    """All figures of a data set. ``seed`` draws the training rows of the baseline if there are too many."""
    relations = count_relations(splits, related)
    return {
        "rows": {name: len(splits[name]) for name in SPLITS},
        "relations": relations,
        "near_is": DEFINITION,
        "derived": count_pairs(splits, related.pairs),
        "leaks": {name: count_related(relations[f"{name}_in_train"]) for name in ("dev", "test")},
        "conflicting_labels": conflicting_labels(splits),
        "classes": {
            name: {str(label): count for label, count in Counter(row.label for row in splits[name]).items()}
            for name in SPLITS
        },
        "lengths": summarize_lengths(splits),
        "non_acgt": non_acgt(splits),
        "unknown_letters": unknown_shares(splits),
        "gc": summarize_gc(splits),
        "baseline": baseline_scores(splits, seed),
        **look_up_scores(splits, looked_up),
    }


def warn_of_letters(dataset: str, figures: dict[str, Any]) -> None:
    """Print a warning on standard error for each split with many unknown letters."""
    for name, share in figures["unknown_letters"].items():
        if share > NOTABLE:
            print(f"warning: {dataset}: {share:.1%} of the letters of {name} are not A, C, G or T", file=sys.stderr)


def check_leaks(dataset: str, figures: dict[str, Any]) -> None:
    """Raise UserError if a dev or test row is related to a train row."""
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
    parser.add_argument("--dataset", required=True, help="name of the data set within its task, such as H3 or tata")
    parser.add_argument("--data", required=True, type=Path, help="folder with the CSV files and places.tsv")
    parser.add_argument("--fail-on-leak", action="store_true", help="treat leaks as an error")
    parser.add_argument(
        "--seed", type=int, default=SEED, help="seed for drawing the baseline's rows (default %(default)s)"
    )
    parser.add_argument("--rows", required=True, type=Path, help="table of the test rows to write (TSV)")
    parser.add_argument("--out", required=True, type=Path, help="JSON file to write")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    arguments = build_parser().parse_args(argv)
    splits = read_splits(arguments.data)
    related = relate(splits)
    looked_up = look_up(splits, related.pairs)
    figures = audit(splits, related, looked_up, arguments.seed)
    name = f"{arguments.task}/{arguments.dataset}"
    warn_of_letters(name, figures)
    if arguments.fail_on_leak:
        check_leaks(name, figures)
    write_table(arguments.rows, table_of(splits, related, looked_up), COLUMNS)
    write_json(arguments.out, {"task": arguments.task, "dataset": arguments.dataset, **figures})


if __name__ == "__main__":
    sys.exit(main())
