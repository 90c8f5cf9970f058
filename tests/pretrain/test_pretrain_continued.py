"""Continued pre-training on the genomes of one species, from a model trained here or from DNABERT-2 as published."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.tiny_models import write_published
from workflow_scripts.common import kmer_tokenizers
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_json, write_json
from workflow_scripts.inference.models import read_pretrained
from workflow_scripts.pretrain import pretrain_model
from workflow_scripts.pretrain.model_setup import read_spelling, read_start
from workflow_scripts.settings.pretrain import Training
from workflow_scripts.tokenizer import encode_genome

GOLDEN = Path(__file__).parents[1] / "model/golden"
CONTINUED = {"steps": 150, "warmup_steps": 5, "validate_every": 50, "validation_sequences": 60}


def species(seed: int, chunks: int = 200) -> list[str]:
    """Chunks of a species whose genome is a sequence of eight words of its own."""
    random = np.random.default_rng(seed)
    words = ["".join(random.choice(list("ACGT"), 12)) for _ in range(8)]
    return ["".join(random.choice(words, 6)) for _ in range(chunks)]


@pytest.fixture
def encoded(write_chunks, tmp_path):
    """Encodes a species with the tokenizer of a model directory, every fifth block held out; returns the shard."""

    def encoded(name: str, seed: int, tokenizer: Path) -> tuple[Path, Path]:
        sequences = species(seed)
        splits = ["validation" if number // 10 % 5 == 0 else "train" for number in range(len(sequences))]
        files = [tmp_path / f"{name}{suffix}" for suffix in (".npy", ".index.npy", ".json")]
        options = ["--chunks", write_chunks(name, sequences, splits), "--tokenizer", tokenizer / "tokenizer.json"]
        options += ["--kind", "bpe", "--tokens", files[0], "--index", files[1], "--counts", files[2]]
        assert encode_genome.main(list(map(str, options))) == 0
        return files[0], files[1]

    return encoded


@pytest.fixture
def continued(arguments, tmp_path):
    """The command line of a training that goes on from the directory ``start``."""

    def continued(name: str, start: Path, shards, **training) -> list[str]:
        command = arguments(name, shards=shards, **CONTINUED | training)
        place = command.index("--architecture")
        command[place : place + 2] = ["--start", str(start)]
        command[command.index("--tokenizer") + 1] = str(start)
        return command

    return continued


def held_out_losses(folder: Path) -> list[float]:
    """The [MASK] losses of the held-out blocks from the start to the end of a training."""
    entries = [json.loads(line) for line in (folder / "log.jsonl").open()]
    return [entry["mask_loss"] for entry in entries if "mask_loss" in entry]


@pytest.mark.slow
def test_continued_training_on_a_species_lowers_the_loss_on_its_held_out_blocks(
    arguments, continued, encoded, tokenizer_folder, tmp_path
):
    """Below that of its start and of the frequencies; a copy of the start, or a training on others, does not pass."""
    first, own = (encoded(name, seed, tokenizer_folder) for name, seed in (("first", 1), ("own", 2)))
    assert pretrain_model.main(arguments("start", shards=[first], **CONTINUED)) == 0
    start = tmp_path / "start"
    assert pretrain_model.main(continued("more", start, [own])) == 0
    assert pretrain_model.main(continued("copy", start, [own], steps=0, warmup_steps=0)) == 0
    before, *_, after = held_out_losses(tmp_path / "more")
    frequencies = read_json(tmp_path / "more/summary.json")["references"]["unigram_loss"]
    assert held_out_losses(tmp_path / "copy") == [before], "the start itself, on the same places"
    assert after < frequencies - 0.3 < before - 0.3, "the start knows nothing of this species, the result does"
    assert held_out_losses(start)[-1] < before - 0.3, "the start has learned its own species"
    assert (tmp_path / "more/tokenizer.json").read_bytes() == (start / "tokenizer.json").read_bytes()
    card = (tmp_path / "more/README.md").read_text()
    assert f"| of the model that it started from | {before:.4f} |" in card


@pytest.fixture
def published(arguments, tmp_path):
    """DNABERT-2 as published, tiny: names of the authors' code and weights in a pickle."""
    assert pretrain_model.main(arguments("ours", steps=0, warmup_steps=0)) == 0
    return write_published(tmp_path / "published", tmp_path / "ours")


@pytest.mark.slow
def test_a_directory_with_a_pickle_of_weights_is_a_start(published, continued, encoded, tmp_path):
    own = encoded("own", 2, published)
    for name, steps in (("copy", 0), ("more", 10)):
        assert pretrain_model.main(continued(name, published, [own], steps=steps, warmup_steps=0)) == 0
    ours, copy, more = (load_file(tmp_path / name / "model.safetensors") for name in ("ours", "copy", "more"))
    assert ours.keys() == copy.keys() and all(torch.equal(ours[name], copy[name]) for name in ours)
    assert not all(torch.equal(ours[name], more[name]) for name in ours)
    config = read_json(tmp_path / "more/config.json")
    assert config["model_type"] == "dnabert2" and config["auto_map"]["AutoModel"] == "modeling.DnaBert2Model"
    fitted = read_pretrained(published).model.state_dict()
    encoder = [name for name in ours if not name.startswith("cls.")]
    assert len(encoder) > 20 and all(torch.equal(fitted[name], ours[name]) for name in encoder), "a fit reads it too"


@torch.no_grad()
def test_a_published_checkpoint_gives_the_golden_hidden_states(tmp_path):
    sizes = read_json(GOLDEN / "small.config.json")
    sizes.pop("lengths")
    write_json(tmp_path / "config.json", sizes | {"alibi_starting_size": 512, "pad_token_id": 0})
    weights = load_file(GOLDEN / "small.weights.safetensors")
    torch.save({name: value for name, value in weights.items() if "pooler" not in name}, tmp_path / "pytorch_model.bin")
    io = load_file(GOLDEN / "small.io.safetensors")
    hidden = read_start(tmp_path).eval().bert(io["input_ids"], io["attention_mask"]).last_hidden_state
    torch.testing.assert_close(hidden, io["last_hidden_state"], rtol=0, atol=1e-4)


class Attack:
    """Unpickled, it makes a folder."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def refusal(folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_start(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.slow
def test_a_pickle_that_would_run_code_is_refused_in_one_line(published, tmp_path, capsys, continued, planted):
    weights = torch.load(published / "pytorch_model.bin", weights_only=True)
    torch.save(weights | {"extra": Attack(tmp_path / "trap")}, published / "pytorch_model.bin")
    capsys.readouterr()
    assert pretrain_model.main(continued("more", published, planted)) == 1
    line = f"{published}: the model does not load (its .bin file holds more than tensors, which could run code, so it "
    assert f"error: {line}is not read; get safetensors)\n" in capsys.readouterr().err
    with pytest.raises(UserError, match="holds more than tensors, which could run code"):
        read_pretrained(published)
    assert not (tmp_path / "trap").exists()
    torch.load(published / "pytorch_model.bin", weights_only=False)
    assert (tmp_path / "trap").exists(), "the trap works"


@pytest.mark.slow
def test_what_is_no_masked_language_model_of_ours_is_refused(published, tmp_path):
    fit = shutil.copytree(published, tmp_path / "fit")
    weights = torch.load(fit / "pytorch_model.bin", weights_only=True)
    torch.save({name: value for name, value in weights.items() if "cls" not in name}, fit / "pytorch_model.bin")
    assert "weights of the masked language model are missing, such as cls.predictions" in refusal(fit)
    described = read_json(fit / "config.json")
    described.pop("alibi_starting_size")
    write_json(fit / "config.json", described | {"model_type": "esm"})
    assert refusal(fit) == f"{fit}/config.json: model_type 'esm': only a DNABERT-2 can be trained further"


def test_tokens_that_cannot_be_masked_are_refused(tmp_path):
    path = tmp_path / "tokenizer.json"
    kmer_tokenizers.build("kmer_overlapping", 3).save(str(path))
    assert read_spelling(path, Training(mask_run=3)).overlapping
    with pytest.raises(UserError, match="mask_run: 2 hides nothing of overlapping 3-mers"):
        read_spelling(path, Training(mask_run=2))
    tokenizer = read_json(path)
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary |= {"[UNK]": vocabulary["[PAD]"], "[PAD]": vocabulary["[UNK]"]}
    tokenizer["added_tokens"] = []
    tokenizer["post_processor"] = None
    write_json(path, tokenizer)
    with pytest.raises(UserError, match="are not its first tokens, as those of DNABERT-2 are"):
        read_spelling(path, Training(mask_run=3))
