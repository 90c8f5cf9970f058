"""A model of any tokenizer is fitted to whole sequences: limits in tokens of DNABERT-2 do not cut those of others."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tokenizers import Tokenizer

from tests import tiny_models
from tests.dag.conftest import REPOSITORY
from workflow_scripts.common import kmer_tokenizers
from workflow_scripts.common.files import read_json, write_json, write_text
from workflow_scripts.dag.finetune import Finetuning
from workflow_scripts.dag.gue import Gue
from workflow_scripts.finetune import token_cache
from workflow_scripts.finetune.finetune_model import main
from workflow_scripts.model import DnaBert2Config, DnaBert2ForMaskedLM
from workflow_scripts.settings.configuration import Configuration
from workflow_scripts.settings.names import SPLITS
from workflow_scripts.tokenizer.bpe import to_cells
from workflow_scripts.tokenizer.train_tokenizer import TOKENIZER_CONFIG, train_bpe

pytestmark = pytest.mark.slow
LENGTH, RELEASED = 500, 128  # of emp: bases of a row, and the tokens that were enough for DNABERT-2


def rows(split: str) -> list[str]:
    """Sequences of random bases."""
    return ["".join(row) for row in np.random.default_rng([*split.encode()]).choice(list("ACGT"), (8, LENGTH))]


def tokenizer_of(kind: str) -> Tokenizer:
    if kind == "bpe":
        return train_bpe(to_cells(rows("corpus")), 256, 2)
    return kmer_tokenizers.build(kind, 1 if kind == "nucleotide" else 6)


@pytest.fixture(params=["nucleotide", "kmer_overlapping", "kmer", "bpe"])
def kind(request) -> str:
    return request.param


@pytest.fixture
def folder(kind, tmp_path) -> Path:
    """A model directory with a tokenizer of a kind."""
    tokenizer = tokenizer_of(kind)
    DnaBert2ForMaskedLM(DnaBert2Config(vocab_size=tokenizer.get_vocab_size(), **tiny_models.SIZES)).save_pretrained(
        tmp_path / "model"
    )
    tokenizer.save(str(tmp_path / "model/tokenizer.json"))
    write_json(tmp_path / "model/tokenizer_config.json", TOKENIZER_CONFIG)
    return tmp_path / "model"


@pytest.fixture
def command(folder, tmp_path, monkeypatch):
    """``command(general)``: the command line of a fit to emp/H3, with these settings of all fits."""
    monkeypatch.chdir(REPOSITORY)
    for split in SPLITS:
        lines = [f"{sequence},{number % 2}" for number, sequence in enumerate(rows(split))]
        write_text(tmp_path / "data" / f"{split}.csv", "\n".join(["sequence,label", *lines]) + "\n")

    def command(**general) -> list[str]:
        quick = {"max_steps": 1, "batch_size": 4, "precision": "fp32"}
        models = {"mine": {"directory": str(folder)}}
        configuration = Configuration.model_validate({"finetune": {"settings": quick | general, "models": models}})
        fits = Finetuning(configuration, Gue(configuration))
        job = SimpleNamespace(model="mine", method="full", task="emp", dataset="H3")
        return [
            *("--name", "mine", "emp", "H3", "--model", fits.model(job), "--method", "full", "--seed", "42"),
            *("--settings", fits.fit_settings(job), "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")),
            *("--tokens", str(tmp_path / "tokens"), "--state", str(tmp_path / "state")),
        ]

    return command


def sequences_seen(folder: Path, kind: str, tokens: Path) -> set[str]:
    """What the tokens that a fit has read spell."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    rows = [ids for path in tokens.iterdir() for ids in token_cache.read(path).ids]
    return {kmer_tokenizers.spell([tokenizer.id_to_token(number) for number in ids[1:-1]], kind) for ids in rows}


def test_every_base_of_every_row_is_seen(kind, folder, command, tmp_path):
    assert main(command()) == 0
    told = read_json(tmp_path / "out/metrics.json")
    assert told["max_tokens"] == 0 and told["truncated"] == dict.fromkeys(SPLITS, 0)
    assert sequences_seen(folder, kind, tmp_path / "tokens") == {row for split in SPLITS for row in rows(split)}
    assert json.loads((tmp_path / "out/model/inference.json").read_text())["max_tokens"] == 0, "and in predictions"


def test_a_limit_that_a_user_asks_for_cuts(kind, folder, command, tmp_path):
    """The released one would leave a nucleotide model a quarter of each row."""
    limit = RELEASED if kind != "kmer" else 50
    assert main(command(max_tokens=limit)) == 0
    told = read_json(tmp_path / "out/metrics.json")
    assert told["max_tokens"] == limit and told["truncated"] == dict.fromkeys(SPLITS, 1)
    assert all(len(row) < LENGTH for row in sequences_seen(folder, kind, tmp_path / "tokens"))
