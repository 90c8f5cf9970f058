"""Tiny fits of each kind, and sequences as people have them, for the programs of apply."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tests import tiny_models
from workflow_scripts.common.files import write_json, write_text
from workflow_scripts.finetune.finetune_model import main

MOTIFS = ("TATATA", "GCGCGC")
CLASSES = ["control", "TATA box"]
SETTINGS = {
    "learning_rate": 1e-2,
    "epochs": 4,
    "min_steps": 0,
    "batch_size": 16,
    "warmup_steps": 2,
    "precision": "fp32",
}
FITS = {  # name of the fit -> model, method, data set, seed
    "full": ("ours", "full", "two", 1),
    "seed2": ("ours", "full", "two", 2),
    "lora": ("ours", "lora", "two", 1),
    "probe": ("ours", "probe", "two", 1),
    "kmers": ("bert", "full", "two", 1),
    "cnn": ("cnn", "full", "two", 1),
    "regression": ("ours", "full", "numbers", 1),
    "labels": ("ours", "full", "labels", 1),
    "pairs": ("ours", "full", "pairs", 1),
}
PROBLEMS = {"two": "classification", "pairs": "classification", "numbers": "regression", "labels": "multilabel"}


def rows(problem: str, split: str) -> list[str]:
    """Rows of a CSV file: random bases around a motif, and a label that depends on it."""
    random = np.random.default_rng([*split.encode()])
    lines = ["enhancer,promoter,label" if problem == "pairs" else "sequence,label"]
    for number in range(48):
        label = number % 2
        left, right = ("".join(random.choice(list("ACGT"), size)) for size in (6 + number % 7, 10))
        sequence = left + MOTIFS[label] * 2 + right
        written = {"numbers": f"{10 + 5 * label}", "labels": f"{label};{number % 3 % 2}"}.get(problem, str(label))
        lines.append(f"{right},{sequence},{written}" if problem == "pairs" else f"{sequence},{written}")
    return lines


def write_fits(root: Path, names: Iterable[str] = FITS) -> dict[str, Path]:
    """The model folders of some of FITS, by name; and of ``base``, the model that most of them start from."""
    entries = tiny_models.write_all(root / "models") | {"cnn": {"baseline": "cnn"}}
    for dataset, problem in PROBLEMS.items():
        for split in ("train", "dev", "test"):
            write_text(root / dataset / f"{split}.csv", "\n".join(rows(dataset, split)) + "\n")
        if problem == "classification":
            write_json(root / dataset / "classes.json", CLASSES)
    for name in names:
        model, method, dataset, seed = FITS[name]
        targets = {"targets": tiny_models.TARGETS[model]} if model in tiny_models.TARGETS else {}
        settings = SETTINGS | {"problem": PROBLEMS[dataset], "rank": 2, **targets}
        metric = {"numbers": "spearman", "labels": "auroc"}.get(dataset, "mcc")
        arguments = [
            *("--name", name, "task", dataset, "--model", json.dumps(entries[model]), "--method", method),
            *("--tokens", str(root / "tokens"), "--state", str(root / "state" / name), "--data", str(root / dataset)),
            *("--seed", str(seed), "--settings", json.dumps(settings), "--metric", metric),
            *("--out", str(root / name), "--gpus", "0"),
        ]
        assert main(arguments) == 0
    return {name: root / name / "model" for name in names} | {"base": Path(entries["ours"]["directory"])}


def mixed_sequences(count: int, longest: int) -> list[str]:
    """Sequences of 1 to ``longest`` bases, most of them short, with lower case, N and other IUPAC codes, and RNA."""
    random = np.random.default_rng(5)
    letters = list("ACGTacgtNRYn")
    weights = np.array([20] * 8 + [1] * 4) / 164
    found = []
    for number in range(count):
        size = int(np.exp(random.uniform(0, np.log(longest + 1))))
        text = "".join(random.choice(letters, min(max(size, 1), longest), p=weights))
        found.append(text.replace("T", "U").replace("t", "u") if number % 10 == 9 else text)
    return [*found[:-2], "".join(random.choice(letters, longest, p=weights)), "A"]


def write_fasta(path: Path, sequences: list[str]) -> Path:
    """A FASTA file with lines of 60 letters."""
    lines = []
    for number, text in enumerate(sequences, start=1):
        lines += [f">s{number}", *(text[start : start + 60] for start in range(0, len(text), 60))]
    write_text(path, "\n".join(lines) + "\n")
    return path
