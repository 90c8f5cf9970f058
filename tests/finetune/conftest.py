"""A tiny pre-trained model, data sets with a planted signal, and command lines for tiny fits."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from workflow_scripts.common.files import write_json, write_text
from workflow_scripts.model import DnaBert2Config, DnaBert2ForMaskedLM
from workflow_scripts.tokenizer.bpe import to_cells
from workflow_scripts.tokenizer.train import TOKENIZER_CONFIG, train_bpe

VOCABULARY = 32
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
SETTINGS = {"learning_rate": 3e-3, "epochs": 3, "batch_size": 16, "warmup_steps": 2, "eval_steps": 4}
ROWS = {"train": 72, "dev": 24, "test": 30}
MOTIFS = ("TATATA", "GCGCGC", "AACCAA")


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    """Tiny matrices are faster without more threads."""
    torch.set_num_threads(1)


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
    """Folders of data sets with the splits train, dev and test: two classes, three classes, and pairs."""
    root = tmp_path_factory.mktemp("data")
    for name, classes, paired in (("two", 2, False), ("three", 3, False), ("pairs", 2, True)):
        for split in ROWS:
            write_text(root / name / f"{split}.csv", "\n".join(planted_rows(split, classes, paired)) + "\n")
    return {folder.name: folder for folder in root.iterdir()}


@pytest.fixture
def arguments(base, datasets, tmp_path):
    """The command line of a fit into tmp_path / ``out``, with some settings changed."""

    def arguments(out: str, dataset: str = "two", method: str = "full", seed: int = 42, **settings) -> list[str]:
        return [
            *("--name", "tiny", "promoter", dataset, "--method", method),
            *("--model", json.dumps({"directory": str(base)})),
            *("--data", str(datasets[dataset]), "--seed", str(seed)),
            *("--settings", json.dumps(SETTINGS | settings), "--out", str(tmp_path / out)),
        ]

    return arguments
