"""Token shards, a tokenizer and command lines for tiny pre-trainings."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from workflow_scripts.common.files import write_json
from workflow_scripts.pretrain import data
from workflow_scripts.tokenizer.bpe import to_cells
from workflow_scripts.tokenizer.encode import INDEX
from workflow_scripts.tokenizer.train import TOKENIZER_CONFIG, train_bpe

VOCABULARY = 24
ARCHITECTURE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "initializer_range": 0.1,
}
TRAINING = {
    "steps": 60,
    "warmup_steps": 5,
    "batch_size": 32,
    "micro_batch_size": 32,
    "length": 16,
    "learning_rate": 5e-3,
    "precision": "fp32",
    "validate_every": 20,
    "validation_sequences": 30,
    "log_every": 10,
    "checkpoint_every": 10,
}


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    """Tiny matrices are faster without more threads."""
    torch.set_num_threads(1)


@pytest.fixture
def write_shard(tmp_path):
    """Writes a token shard; returns the paths of its tokens and its index. By default all chunks are for training."""

    def write_shard(name: str, chunks: list[np.ndarray], validation: list[bool] | None = None) -> tuple[Path, Path]:
        index = np.zeros(len(chunks), INDEX)
        index["length"] = [len(chunk) for chunk in chunks]
        index["start"] = np.cumsum(index["length"]) - index["length"]
        index["validation"] = validation or [False] * len(chunks)
        tokens_file, index_file = tmp_path / f"{name}.npy", tmp_path / f"{name}.index.npy"
        np.save(tokens_file, np.concatenate([np.zeros(0, np.uint16), *chunks]).astype(np.uint16))
        np.save(index_file, index)
        return tokens_file, index_file

    return write_shard


@pytest.fixture
def planted(write_shard) -> list[tuple[Path, Path]]:
    """Two shards in which every chunk repeats one token: what is masked stands beside it. A tenth is for validation."""
    random = np.random.default_rng(0)
    chunks = [np.full(random.integers(15, 30), random.integers(data.MASK + 1, VOCABULARY)) for _ in range(300)]
    flags = [number % 10 == 0 for number in range(300)]
    return [write_shard("one", chunks[:200], flags[:200]), write_shard("two", chunks[200:], flags[200:])]


@pytest.fixture
def tokenizer_folder(tmp_path) -> Path:
    """A tokenizer of VOCABULARY words."""
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    letters = np.random.default_rng(0).choice(list("ACGT"), (20, 200))
    train_bpe(to_cells("".join(row) for row in letters), VOCABULARY, 2).save(str(folder / "tokenizer.json"))
    write_json(folder / "tokenizer_config.json", TOKENIZER_CONFIG)
    return folder


@pytest.fixture
def arguments(planted, tokenizer_folder, tmp_path):
    """The command line of a pre-training on the planted corpus, with some settings changed."""

    def arguments(name: str, shards=planted, architecture: dict | None = None, **training) -> list[str]:
        return [
            *("--name", "tiny", "--tokenizer", str(tokenizer_folder)),
            *("--tokens", *(str(tokens) for tokens, _ in shards)),
            *("--index", *(str(index) for _, index in shards)),
            *("--architecture", json.dumps(ARCHITECTURE | (architecture or {}))),
            *("--training", json.dumps(TRAINING | training)),
            *("--state", str(tmp_path / f".state-{name}"), "--out", str(tmp_path / name)),
        ]

    return arguments


@pytest.fixture
def read_log():
    """The entries of a log without the one field that is measured."""

    def read_log(folder: Path) -> list[dict]:
        entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        for entry in entries:
            entry.pop("tokens_per_second", None)
        return entries

    return read_log
