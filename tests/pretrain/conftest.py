"""Token shards, a tokenizer and command lines for tiny trainings."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from tests.one_thread import one_thread  # noqa: F401 (a fixture)
from workflow_scripts.common.files import write_json
from workflow_scripts.inference.masking import MASK
from workflow_scripts.inference.precision import loss_scaler
from workflow_scripts.inference.spelling import Spelling
from workflow_scripts.pretrain.model_setup import initial_model
from workflow_scripts.pretrain.optimizers import make_optimizer
from workflow_scripts.pretrain.pretrain_model import build_parser
from workflow_scripts.pretrain.processes import Processes
from workflow_scripts.pretrain.step import Stepper
from workflow_scripts.settings.pretrain import Architecture, read_training
from workflow_scripts.tokenizer.bpe import to_cells
from workflow_scripts.tokenizer.encode_genome import INDEX
from workflow_scripts.tokenizer.train_tokenizer import TOKENIZER_CONFIG, train_bpe

REPOSITORY = Path(__file__).resolve().parents[2]
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
    """Two shards in which every chunk repeats one token, so context predicts it. A tenth is for validation."""
    random = np.random.default_rng(0)
    chunks = [np.full(random.integers(15, 30), random.integers(MASK + 1, VOCABULARY)) for _ in range(300)]
    flags = [number % 10 == 0 for number in range(300)]
    return [write_shard("one", chunks[:200], flags[:200]), write_shard("two", chunks[200:], flags[200:])]


@pytest.fixture
def tokenizer_folder(tmp_path) -> Path:
    """A tokenizer with VOCABULARY tokens."""
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    letters = np.random.default_rng(0).choice(list("ACGT"), (20, 200))
    train_bpe(to_cells("".join(row) for row in letters), VOCABULARY, 2).save(str(folder / "tokenizer.json"))
    write_json(folder / "tokenizer_config.json", TOKENIZER_CONFIG)
    return folder


@pytest.fixture
def arguments(planted, tokenizer_folder, tmp_path):
    """The command line of a training on the planted corpus, with some settings changed."""

    def arguments(name: str, shards=planted, architecture: dict | None = None, **training) -> list[str]:
        return [
            *("--name", "tiny", "--tokenizer", str(tokenizer_folder)),
            *("--tokens", *(str(tokens) for tokens, _ in shards)),
            *("--architecture", json.dumps(ARCHITECTURE | (architecture or {}))),
            *("--training", json.dumps(TRAINING | training)),
            *("--state", str(tmp_path / f".state-{name}"), "--out", str(tmp_path / name)),
        ]

    return arguments


@pytest.fixture
def read_log():
    """The entries of a log without measured times and memory."""

    def read_log(folder: Path) -> list[dict]:
        entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        for entry in entries:
            for name in ("tokens_per_second", "step_seconds", "memory_mb"):
                entry.pop(name, None)
        return entries

    return read_log


@pytest.fixture
def stepper():
    """Makes the Stepper of a command line, with its model before the first step."""

    def stepper(command: list[str]) -> Stepper:
        args = build_parser().parse_args(command)
        training = read_training(args.training)
        words = Spelling(Tokenizer.from_file(str(args.tokenizer / "tokenizer.json"))).words
        model = initial_model(args.start, Architecture(**json.loads(args.architecture)), words, training)
        scaler = loss_scaler(model.device, training.precision)
        return Stepper(model, training, Processes(), make_optimizer(model, training), scaler)

    return stepper


@pytest.fixture
def interrupt(monkeypatch):
    """Makes the next training stop before a step as by Ctrl-C."""
    genuine = Stepper.step

    def interrupt(step: int) -> None:
        def interrupted(stepper, batch, number):
            if number == step:
                monkeypatch.setattr(Stepper, "step", genuine)
                raise KeyboardInterrupt
            return genuine(stepper, batch, number)

        monkeypatch.setattr(Stepper, "step", interrupted)

    return interrupt


@pytest.fixture(scope="package")
def runner(tmp_path_factory):
    """A process that runs trainings in child processes (see attempts.py), and the file with their standard error."""
    stderr_file = tmp_path_factory.mktemp("runner") / "stderr"
    with stderr_file.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("attempts.py"))],
            cwd=REPOSITORY,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    with process:
        yield process, stderr_file


@pytest.fixture
def attempts(runner):
    """Runs a plan of attempts at one command line; returns their exit statuses and standard error."""
    process, stderr_file = runner

    def attempts(command: list[str], *plan: dict) -> tuple[list[int], str]:
        before = len(stderr_file.read_text())
        process.stdin.write(json.dumps([attempt | {"command": command} for attempt in plan]) + "\n")
        process.stdin.flush()
        statuses = process.stdout.readline()
        assert statuses, stderr_file.read_text()[-3000:]
        return json.loads(statuses), stderr_file.read_text()[before:]

    return attempts


@pytest.fixture
def assert_same_result(read_log, tmp_path):
    """Two runs wrote the same bytes (except the times in log and card) and left no unfinished file."""

    def assert_same_result(one: str, other: str) -> None:
        assert read_log(tmp_path / one) == read_log(tmp_path / other)
        assert {path.name for path in (tmp_path / one).iterdir()} == {
            path.name for path in (tmp_path / other).iterdir()
        }
        for path in (tmp_path / one).iterdir():
            if path.name not in ("log.jsonl", "README.md"):
                assert (tmp_path / other / path.name).read_bytes() == path.read_bytes(), path.name
        left = [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
        assert left == []

    return assert_same_result
