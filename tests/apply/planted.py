"""Models that were fitted in seconds to find a planted motif, and sequences with and without it."""

import json
from pathlib import Path

import pytest

from tests import tiny_models
from workflow_scripts.common.files import write_text
from workflow_scripts.common.randomness import generator
from workflow_scripts.finetune.finetune_model import main

MOTIF = "TGACTCAT"
LENGTH = 48
SPLITS = {"train": 640, "dev": 100, "test": 100}
SETTINGS = {
    "cnn": {"learning_rate": 3e-3, "epochs": 12},
    "ours": {"learning_rate": 3e-3, "epochs": 30},
}


def sequence(*key: object) -> tuple[str, int]:
    """A random sequence with the motif, and where that begins; it depends on ``key`` only."""
    random = generator("planted", *key)
    letters = "".join(random.choice(list("ACGT"), LENGTH))
    place = int(random.integers(4, LENGTH - len(MOTIF) - 4))
    return letters[:place] + MOTIF + letters[place + len(MOTIF) :], place


def without(*key: object) -> str:
    """A random sequence with the letters of the motif in another order."""
    letters, place = sequence("without", *key)
    mixed = "".join(generator("mixed", *key).permutation(list(MOTIF)))
    return letters[:place] + mixed + letters[place + len(MOTIF) :]


def write_data(folder: Path) -> Path:
    """A data set of two classes: half of the rows have the motif, on the strand as written."""
    for split, rows in SPLITS.items():
        lines = [f"{sequence(split, n)[0]},1" if n % 2 else f"{without(split, n)},0" for n in range(rows)]
        write_text(folder / f"{split}.csv", "\n".join(["sequence,label", *lines]) + "\n")
    return folder


def fit(entry: dict, data: Path, out: Path, **settings: object) -> Path:
    """The model folder of a fit of an entry of the configuration."""
    common = {"batch_size": 32, "min_steps": 0, "warmup_steps": 5, "eval_steps": 20, "precision": "fp32"}
    command = [
        *("--name", "planted", "planted", "motif", "--model", json.dumps(entry), "--method", "full"),
        *("--data", str(data), "--seed", "1", "--settings", json.dumps(common | settings), "--out", str(out)),
        *("--tokens", str(out) + "-tokens", "--state", str(out) + "-state", "--metric", "mcc"),
    ]
    assert main(command) == 0
    return out / "model"


@pytest.fixture(scope="session")
def planted(tmp_path_factory) -> dict[str, Path]:
    """Model folders by kind: ``cnn``, and ``ours``, a tiny DNABERT-2."""
    root = tmp_path_factory.mktemp("planted")
    data = write_data(root / "data")
    entries = {
        "cnn": {"baseline": "cnn"},
        "ours": {"directory": str(tiny_models.write_dnabert2(root / "pretrained"))},
    }
    return {kind: fit(entries[kind], data, root / kind, **settings) for kind, settings in SETTINGS.items()}
