"""Further pre-training: from a model's weights with its tokenizer, on training sets only."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from workflow_scripts.common.files import read_json
from workflow_scripts.pretrain import encode_training_sets, pretrain_model


@pytest.fixture
def data_set(tmp_path):
    """Writes a data set with train, dev and test, which share no sequence."""

    def data_set(name: str, columns: int = 1) -> Path:
        random, folder = np.random.default_rng(len(name)), tmp_path / name
        folder.mkdir()
        for split, rows in (("train", 40), ("dev", 10), ("test", 10)):
            with (folder / f"{split}.csv").open("w", newline="") as handle:
                table = csv.writer(handle)
                table.writerow([f"sequence{number}" for number in range(columns)] + ["label"])
                for _ in range(rows):
                    table.writerow([*("".join(random.choice(list("ACGT"), 60)) for _ in range(columns)), 1])
        return folder / "train.csv"

    return data_set


@pytest.fixture
def encode(tokenizer_folder, tmp_path):
    """Encodes files; returns the exit status."""

    def encode(*files: Path) -> int:
        return encode_training_sets.main(
            [
                *("--train", *map(str, files), "--tokenizer", str(tokenizer_folder / "tokenizer.json")),
                *("--tokens", str(tmp_path / "train.npy"), "--index", str(tmp_path / "train.index.npy")),
                *("--counts", str(tmp_path / "train.json")),
            ]
        )

    return encode


def sequences_of(path: Path) -> list[str]:
    with path.open(newline="") as handle:
        return [text for row in list(csv.reader(handle))[1:] for text in row[:-1]]


def test_the_shard_holds_every_training_sequence_and_no_other(data_set, encode, tokenizer_folder, tmp_path):
    single, paired = data_set("tata"), data_set("enhancers", columns=2)
    assert encode(single, paired) == 0
    tokens, index = np.load(tmp_path / "train.npy"), np.load(tmp_path / "train.index.npy")
    tokenizer = Tokenizer.from_file(str(tokenizer_folder / "tokenizer.json"))
    written = [
        "".join(tokenizer.id_to_token(token) for token in tokens[row["start"] : row["start"] + row["length"]])
        for row in index
    ]
    assert written == sequences_of(single) + sequences_of(paired) and len(written) == 40 + 80
    assert not index["validation"].any()
    for path in (single, paired):
        for split in ("dev", "test"):
            assert not set(written) & set(sequences_of(path.with_name(f"{split}.csv")))
    counts = read_json(tmp_path / "train.json")
    assert counts["sequences"] == {str(single): 40, str(paired): 80}
    assert (counts["bases"], counts["tokens"], counts["unknown"]) == (120 * 60, len(tokens), 0)


@pytest.mark.parametrize("split", ["dev", "test"])
def test_another_split_is_refused(data_set, encode, tmp_path, capsys, split):
    path = data_set("tata")
    assert encode(path, path.with_name(f"{split}.csv")) == 1
    assert f"{split}.csv: only train.csv may be trained on; remove {split}.csv" in capsys.readouterr().err
    assert not (tmp_path / "train.npy").exists()


def test_broken_rows_are_named(data_set, encode, tmp_path, capsys):
    path = data_set("tata")
    path.write_text("sequence,label\nACGT,1\nACGT\n")
    assert encode(path) == 1 and f"{path}:3: 1 columns where the header has 2" in capsys.readouterr().err
    path.write_text("ACGT,1\n")
    assert encode(path) == 1 and f"{path}:1: header 'ACGT,1'" in capsys.readouterr().err
    assert not (tmp_path / "train.npy").exists()


@pytest.fixture
def further(arguments, tmp_path):
    """The command line of a training that continues from the model ``start``."""

    def further(name: str, **training) -> list[str]:
        command = arguments(name, shards=[(tmp_path / "train.npy", tmp_path / "train.index.npy")], **training)
        place = command.index("--architecture")
        command[place : place + 2] = ["--start", str(tmp_path / "start")]
        command[command.index("--tokenizer") + 1] = str(tmp_path / "start")
        return command

    return further


@pytest.mark.slow
def test_it_starts_from_the_weights_and_changes_them(arguments, further, data_set, encode, attempts, tmp_path):
    assert pretrain_model.main(arguments("start", steps=5, architecture={"hidden_dropout_prob": 0.05})) == 0
    assert encode(data_set("tata")) == 0
    for name, steps in (("none", 0), ("whole", 12)):
        assert pretrain_model.main(further(name, steps=steps, warmup_steps=0)) == 0
    start, none, whole = (load_file(tmp_path / name / "model.safetensors") for name in ("start", "none", "whole"))
    assert start.keys() == none.keys() == whole.keys()
    assert all(torch.equal(start[name], none[name]) for name in start)
    assert not all(torch.equal(start[name], whole[name]) for name in start)
    configs = [json.loads((tmp_path / name / "config.json").read_text()) for name in ("start", "whole")]
    assert configs[0] == configs[1] and configs[0]["hidden_dropout_prob"] == 0.05
    words = [(tmp_path / name / "tokenizer.json").read_bytes() for name in ("start", "whole")]
    assert words[0] == words[1]
    stop = {"point": "update", "count": 7, "signal": "SIGTERM"}
    assert attempts(further("stopped", steps=12, warmup_steps=0), stop, {})[0] == [75, 0]
    assert all(
        torch.equal(whole[name], tensor) for name, tensor in load_file(tmp_path / "stopped/model.safetensors").items()
    )


def test_a_state_of_another_start_is_refused(arguments, further, data_set, encode, interrupt, tmp_path, capsys):
    assert pretrain_model.main(arguments("start", steps=5)) == 0
    assert encode(data_set("tata")) == 0
    interrupt(12)
    assert pretrain_model.main(further("model", steps=20)) == 130
    assert pretrain_model.main(arguments("start", steps=6)) == 0
    capsys.readouterr()
    assert pretrain_model.main(further("model", steps=20)) == 1
    assert "of a run with other settings: start was " in capsys.readouterr().err
