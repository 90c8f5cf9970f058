"""A tiny pre-trained model, data sets with a planted signal, and command lines for tiny fits."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from workflow_scripts.common.files import read_json, write_json, write_text
from workflow_scripts.finetune import data
from workflow_scripts.finetune.finetune_model import problem_of
from workflow_scripts.finetune.problems import PROBLEMS
from workflow_scripts.finetune.token_cache import tokens_of
from workflow_scripts.finetune.training import Fit
from workflow_scripts.inference import models
from workflow_scripts.model import DnaBert2Config, DnaBert2ForMaskedLM
from workflow_scripts.settings.finetune import FitSettings
from workflow_scripts.tokenizer.bpe import to_cells
from workflow_scripts.tokenizer.train_tokenizer import TOKENIZER_CONFIG, train_bpe

VOCABULARY = 32
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
SETTINGS = {
    "learning_rate": 3e-3,
    "epochs": 3,
    "batch_size": 16,
    "warmup_steps": 2,
    "eval_steps": 4,
    "precision": "fp32",
}
ROWS = {"train": 72, "dev": 24, "test": 30}
MOTIFS = ("TATATA", "GCGCGC", "AACCAA")


def changed(settings: FitSettings, **changes) -> FitSettings:
    return FitSettings(**settings.model_dump() | changes)


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    """Tiny matrices are faster without more threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="package")
def base(tmp_path_factory) -> Path:
    """The directory of a tiny masked language model with its tokenizer, as pre-training writes it."""
    folder = tmp_path_factory.mktemp("models") / "base"
    torch.manual_seed(0)
    config = DnaBert2Config(vocab_size=VOCABULARY, initializer_range=0.1, **SIZES)
    DnaBert2ForMaskedLM(config).save_pretrained(folder)
    letters = np.random.default_rng(0).choice(list("ACGT"), (20, 200))
    train_bpe(to_cells("".join(row) for row in letters), VOCABULARY, 2).save(str(folder / "tokenizer.json"))
    write_json(folder / "tokenizer_config.json", TOKENIZER_CONFIG)
    return folder


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
    """What a fit has written: metrics but for what is measured by the clock, and the bytes of all else."""

    def results(folder: Path) -> tuple[dict, dict[str, bytes]]:
        metrics = read_json(folder / "metrics.json")
        for measured in ("seconds", "gpu_seconds", "memory_mb"):
            assert metrics.pop(measured) >= 0
        files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        del files["metrics.json"]
        return metrics, files

    return results


@pytest.fixture
def build(base, datasets, tmp_path):
    """Builds a fit with some settings."""

    def build(settings: FitSettings, dataset: str = "two", metric: str = "mcc", kind: type[Fit] = Fit) -> Fit:
        rows = data.read_splits(datasets[dataset], PROBLEMS[settings.problem])
        problem = problem_of(settings, metric, rows["train"].labels)
        loaded = models.load({"directory": base}, problem.outputs, settings, "full", 42)
        both = settings.both_strands or settings.reverse_complement_share > 0
        tokens = {
            split: tokens_of(datasets[dataset] / f"{split}.csv", part, loaded, 0, both, tmp_path / "tokens")
            for split, part in rows.items()
        }
        return kind(loaded, problem, tokens, settings, metric, 42)

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
