"""Study of embeddings: whether those of a pre-trained model, as they are, tell more than counts of k-mers.

In:  a pre-trained model, the same model with its initial weights, and data sets.
Out: ``--out`` (JSON), the verdict with its comparisons; ``--table`` (TSV), the MCC of each representation on each
     data set.

Each text becomes the mean of the hidden states of the last layer, or the square roots of its counts of k-mers of 1 to
``--k`` bases. The same logistic regression is fitted to all of them, on the same training rows; its penalty is the one
with the lowest loss on the dev rows. The score with the pre-trained model's embeddings minus that with k-mers decides;
the second comparison is with the embeddings of random weights.
"""

import sys
import warnings
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from workflow_scripts.common import gpus
from workflow_scripts.common.bootstrap import Predictions, resampled_scores, weighted_scores
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.fit_results import dataset_key
from workflow_scripts.common.intervals import percentile_interval
from workflow_scripts.common.progress import Progress
from workflow_scripts.common.randomness import generator
from workflow_scripts.common.sequences import known_kmers
from workflow_scripts.inference.predictor import load
from workflow_scripts.settings.names import SPLITS
from workflow_scripts.studies.claim_result import Claim, Comparison, write_result
from workflow_scripts.studies.sequence_rows import read_sequences
from workflow_scripts.studies.study_options import device as device_options
from workflow_scripts.studies.study_options import parser_of

CLAIM = Claim(
    "embeddings",
    "Do the embeddings of a pre-trained model, as they are, tell more than counts of k-mers?",
    "the premise of pre-training; the paper trains all weights for each data set",
)
KMERS = "k-mers"
PENALTIES = tuple(10.0**power for power in range(-4, 3))
Represent = Callable[[list[str]], np.ndarray]
Split = tuple[list[str], np.ndarray]


def kmer_counts(k: int) -> Represent:
    """Square roots of the counts of all k-mers of 1 to k bases, [texts, 4 + 16 + ... + 4^k]."""

    def represent(texts: list[str]) -> np.ndarray:
        counts = [[np.bincount(known_kmers(text, n), minlength=4**n) for n in range(1, k + 1)] for text in texts]
        return np.sqrt([np.concatenate(row) for row in counts])

    return represent


def probabilities(features: dict[str, np.ndarray], labels: dict[str, np.ndarray]) -> np.ndarray:
    """The test rows' probabilities [rows, classes] of the regression whose penalty is best on the dev rows."""
    scaler = StandardScaler().fit(features["train"])
    scaled = {split: scaler.transform(values) for split, values in features.items()}
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a weak penalty may not converge, and is then not best
        for penalty in PENALTIES:
            model = LogisticRegression(C=penalty, max_iter=300).fit(scaled["train"], labels["train"])
            loss = log_loss(labels["dev"], model.predict_proba(scaled["dev"]), labels=model.classes_)
            found.append((loss, penalty, model.predict_proba(scaled["test"])))
    return min(found, key=lambda entry: entry[:2])[2]


def limited(split: Split, most: int, seed: int, name: str) -> Split:
    """At most so many rows of a split, drawn by the seed."""
    texts, labels = split
    rows = np.sort(generator(seed, "study embeddings", name).permutation(len(texts))[:most])
    return [texts[row] for row in rows], labels[rows]


def predictions(represent: Represent, splits: dict[str, Split]) -> Predictions:
    """The predictions of the test rows with a representation. Raises UserError unless the labels are classes."""
    labels = {split: rows for split, (_, rows) in splits.items()}
    if (classes := set(labels["train"])) != set(range(len(classes))):
        raise UserError(f"labels {sorted(classes)[:5]} of the training rows: this study is for classes from 0")
    found = probabilities({split: represent(texts) for split, (texts, _) in splits.items()}, labels)
    return Predictions(labels["test"], found.argmax(axis=1), found)


def compare(names: list[str], scores: dict[str, np.ndarray], values: dict[str, float]) -> list[Comparison]:
    """The first representation against each other: mean MCC x 100 over data sets, and its resamples."""
    parts = []
    for other in names[1:]:
        low, high = percentile_interval(scores[names[0]] - scores[other]) or (None, None)
        name = f"mean MCC of a regression on {names[0]} minus on {other}"
        parts.append(Comparison(name, values[names[0]] - values[other], low, high, "above", "test rows", "points"))
    return parts


def study(represent: dict[str, Represent], data: dict[str, dict[str, Split]], seed: int) -> tuple[list, list]:
    """The comparisons, and one row for each representation and data set."""
    rows: list[dict[str, Any]] = []
    resampled: dict[str, list[np.ndarray]] = {name: [] for name in represent}
    with Progress(len(data) * len(represent), "regression", "fitting") as progress:
        for dataset, splits in data.items():
            fits = {}
            for name, represents in represent.items():
                fits[name] = predictions(represents, splits)
                progress.step()
            scores = resampled_scores(list(fits.values()), seed, *dataset_key(dataset))
            for (name, fit), found in zip(fits.items(), scores, strict=True):
                mcc = 100 * float(weighted_scores(fit, np.ones((1, len(fit.labels))))["mcc"][0])
                low, high = percentile_interval(100 * found["mcc"]) or (None, None)
                resampled[name].append(100 * found["mcc"])
                rows.append({"model": name, "dataset": dataset, "metric": "mcc", "mean": mcc, "low": low, "high": high})
    means = {name: float(np.mean([row["mean"] for row in rows if row["model"] == name])) for name in represent}
    return compare(list(represent), {name: np.mean(found, axis=0) for name, found in resampled.items()}, means), rows


def build_parser() -> ArgumentParser:
    parser = parser_of(__doc__, device_options)
    parser.add_argument("--models", type=Path, required=True, help="folder of the pre-trained models")
    parser.add_argument("--pretrained", required=True, help="the pre-trained model")
    parser.add_argument("--random", required=True, help="the same model with its initial weights")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--datasets", nargs="+", required=True, help="data sets of classes, task/dataset")
    parser.add_argument("--k", type=int, default=5, help="bases of the longest k-mers (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=2000, help="rows of a split at most (default: %(default)s)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    gpus.claim_or_hide(args.gpus)
    represent: dict[str, Represent] = {f"embeddings of {args.pretrained}": load(args.models / args.pretrained).embed}
    represent |= {KMERS: kmer_counts(args.k), f"embeddings of {args.random}": load(args.models / args.random).embed}
    data = {
        dataset: {
            split: limited(read_sequences(args.data / dataset / f"{split}.csv"), args.rows, args.seed, split)
            for split in SPLITS
        }
        for dataset in args.datasets
    }
    parts, rows = study(represent, data, args.seed)
    setting = {"scale": args.scale, "datasets": args.datasets, "k": args.k, "rows": args.rows}
    write_result(CLAIM, parts, setting, rows, args.out, args.table)


if __name__ == "__main__":
    sys.exit(main())
