"""Tiny pre-trained models, data sets with a planted signal, and command lines for tiny fits."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests import tiny_models
from tests.one_thread import one_thread  # noqa: F401 (a fixture)
from workflow_scripts.common.files import read_json, write_text
from workflow_scripts.finetune.datasets import read_splits
from workflow_scripts.finetune.finetune_model import main
from workflow_scripts.finetune.initial_model import initial_model
from workflow_scripts.finetune.problems import PROBLEMS, problem_of
from workflow_scripts.finetune.token_cache import tokens_of
from workflow_scripts.finetune.training import Fit
from workflow_scripts.settings.fit_settings import FitSettings

SETTINGS = {
    "learning_rate": 3e-3,
    "epochs": 3,
    "min_steps": 0,
    "batch_size": 16,
    "warmup_steps": 2,
    "eval_steps": 4,
    "precision": "fp32",
}
ROWS = {"train": 72, "dev": 24, "test": 30}
MOTIFS = ("TATATA", "GCGCGC", "AACCAA")


def changed(settings: FitSettings, **changes) -> FitSettings:
    return FitSettings(**settings.model_dump() | changes)


@pytest.fixture(scope="package")
def entries(tmp_path_factory) -> dict[str, dict]:
    """Entries of the configuration by kind: directories of models, see tiny_models, and baselines."""
    pretrained = tiny_models.write_all(tmp_path_factory.mktemp("models"))
    return pretrained | {name: {"baseline": name} for name in ("kmer_regression", "cnn")}


@pytest.fixture(scope="package")
def base(entries) -> Path:
    """The directory of a tiny masked language model with its tokenizer, as pre-training writes it."""
    return Path(entries["ours"]["directory"])


def planted_numbers(split: str) -> list[str]:
    """Rows of a CSV file: the label is a number that grows with the copies of a motif."""
    random = np.random.default_rng([*split.encode()])
    copies = random.integers(0, 5, ROWS[split])
    rows = [f"{MOTIFS[0] * count}{''.join(random.choice(list('CG'), 12))},{10 + 4.0 * count}" for count in copies]
    return ["sequence,label", *rows]


def planted_labels(split: str) -> list[str]:
    """Rows of a CSV file: of two labels each holds where its motif is there."""
    random = np.random.default_rng([*split.encode()])
    lines = ["sequence,label"]
    for present in random.integers(0, 2, (ROWS[split], 2)):
        motifs = "".join(motif * 2 * int(there) for motif, there in zip(MOTIFS, present, strict=False))
        lines.append(f"{motifs}{''.join(random.choice(list('ACGT'), 6))},{present[0]};{present[1]}")
    return lines


def planted_rows(split: str, classes: int, paired: bool) -> list[str]:
    """Rows of a CSV file: random bases with the motif of the class; of a pair, in the second sequence."""
    random = np.random.default_rng([*split.encode(), classes])
    lines = ["enhancer,promoter,label" if paired else "sequence,label"]
    for number in range(ROWS[split]):
        label = number % classes
        left, right = ("".join(random.choice(list("ACGT"), size)) for size in (6 + number % 7, 10))
        sequence = left + MOTIFS[label] * 2 + right
        lines.append(f"{right},{sequence},{label}" if paired else f"{sequence},{label}")
    return lines


@pytest.fixture(scope="package")
def datasets(tmp_path_factory) -> dict[str, Path]:
    """Folders of data sets with train, dev and test: two classes, three classes, pairs, numbers, two labels a row."""
    root = tmp_path_factory.mktemp("data")
    kinds = {
        "two": lambda split: planted_rows(split, 2, paired=False),
        "three": lambda split: planted_rows(split, 3, paired=False),
        "pairs": lambda split: planted_rows(split, 2, paired=True),
        "numbers": planted_numbers,
        "labels": planted_labels,
    }
    for name, rows in kinds.items():
        for split in ROWS:
            write_text(root / name / f"{split}.csv", "\n".join(rows(split)) + "\n")
    return {folder.name: folder for folder in root.iterdir()}


@pytest.fixture(scope="package")
def results() -> Callable[[Path], tuple]:
    """What a fit has written: metrics but for what is measured by the clock, and the bytes of all else.

    An adapter names its base model by an absolute path, which is written as a relative one here.
    """

    def results(folder: Path) -> tuple[dict, dict[str, bytes]]:
        metrics = read_json(folder / "metrics.json")
        for measured in ("seconds", "gpu_seconds", "memory_mb"):
            assert metrics.pop(measured) >= 0

        def read(path: Path) -> bytes:
            return path.read_bytes().replace(str(folder.absolute()).encode(), b".")

        files = {str(path.relative_to(folder)): read(path) for path in folder.rglob("*") if path.is_file()}
        del files["metrics.json"]
        return metrics, files

    return results


@pytest.fixture
def build(base, datasets, tmp_path):
    """Builds a fit with some settings."""

    def build(settings: FitSettings, dataset: str = "two", metric: str = "mcc", kind: type[Fit] = Fit) -> Fit:
        rows = read_splits(datasets[dataset], PROBLEMS[settings.problem])
        problem = problem_of(settings.problem, metric, settings.class_weights, rows["train"].labels)
        initial = initial_model({"directory": base}, problem.outputs.size, settings, "full", 42)
        both = settings.both_strands or settings.reverse_complement_share > 0
        tokens = {
            split: tokens_of(datasets[dataset] / f"{split}.csv", part, initial.encoder, 0, both, tmp_path / "tokens")
            for split, part in rows.items()
        }
        return kind(initial, problem, tokens, settings, metric, 42)

    return build


@pytest.fixture
def states(tmp_path) -> Path:
    """A folder for the states of a fit."""
    return tmp_path / "states"


@pytest.fixture
def arguments(base, datasets, tmp_path):
    """The command line of a fit into tmp_path / ``out``, with some settings changed."""

    def arguments(out: str, dataset: str = "two", method: str = "full", seed: int = 42, **settings) -> list[str]:
        return [
            *("--name", "tiny", "promoter", dataset, "--model", json.dumps({"directory": str(base)})),
            *("--method", method, "--tokens", str(tmp_path / "tokens"), "--state", str(tmp_path / f".state-{out}")),
            *("--data", str(datasets[dataset]), "--seed", str(seed)),
            *("--settings", json.dumps(SETTINGS | settings), "--out", str(tmp_path / out)),
        ]

    return arguments


@pytest.fixture
def fit(entries, arguments, tmp_path):
    """Fits an entry with two steps; returns the folder of the results."""

    def fit(kind: str, method: str = "full", dataset: str = "two", metric: str = "mcc", **settings) -> Path:
        out = f"{kind}_{method}_{dataset}"
        targets = {"targets": tiny_models.TARGETS[kind]} if kind in tiny_models.TARGETS else {}
        quick = {"max_steps": 2, "rank": 2, **targets, **settings}
        command = arguments(out, method=method, dataset=dataset, **quick)
        command[command.index("--model") + 1] = json.dumps(entries[kind])
        assert main([*command, "--metric", metric]) == 0
        return tmp_path / out

    return fit
