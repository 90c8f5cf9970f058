"""What a model that goes on from another may say, and what a directory needs to be a start."""

import pytest

from workflow_scripts.settings.pretrain import Architecture, Model, Training, pretrain_errors
from workflow_scripts.settings.tokenizer import BPE4096, Tokenizer

TRAINING = Training(steps=10, warmup_steps=0, batch_size=32, micro_batch_size=32)
FIRST = Model(tokenizer="bpe4096", architecture=Architecture())
FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "pytorch_model.bin")


def told(models: dict[str, Model], **tokenizers: Tokenizer) -> list[str]:
    return list(pretrain_errors({"first": FIRST} | models, {"bpe4096": BPE4096} | tokenizers, 1000))


def more(**keys) -> Model:
    """A model that goes on with genomes; None leaves a key out."""
    given = {"from": "first", "data": "genomes", "training": TRAINING} | keys
    return Model.model_validate({key: value for key, value in given.items() if value is not None})


@pytest.fixture
def directory(tmp_path):
    for name in FILES:
        (tmp_path / name).write_text('{"model": {"type": "BPE"}}')
    return tmp_path


def test_a_model_may_go_on_with_some_genomes(directory):
    assert told({"more": more(genomes=["GCF_*"]), "again": more(**{"from": "more"})}) == []
    assert told({"more": more(**{"from": str(directory)}, genomes=["GCF_*"])}) == []


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"data": None}, ": data missing, genomes or gue; see config/keys.md"),
        ({"data": "gue", "genomes": ["x"]}, ".genomes: data: gue reads no genomes; leave it out"),
        ({"tokenizer": "bpe4096"}, ".tokenizer: it is that of the model named by 'from'; leave it out"),
        (
            {"data": "gue", "training": TRAINING.model_copy(update={"stop_on_plateau": 3})},
            ".training.stop_on_plateau: data: gue has nothing held out to measure it on; leave it out",
        ),
        (
            {"training": TRAINING.model_copy(update={"length": 1100})},
            ".training.length: 1100 tokens do not fit chunks of 1000 bases (genomes.chunk.length)",
        ),
    ],
)
def test_what_has_no_meaning_is_refused(keys, line):
    assert told({"more": more(**keys)}) == [f"config pretrain.more{line}"]


@pytest.mark.parametrize("lacking", FILES[1:])
def test_a_directory_must_be_whole(directory, lacking):
    (directory / lacking).unlink()
    (line,) = told({"more": more(**{"from": str(directory)})})
    name = "model.safetensors or pytorch_model.bin" if lacking == FILES[3] else lacking
    assert line == f"config pretrain.more.from: {directory} lacks {name}; copy the whole model directory"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"model": []}'])
def test_a_damaged_tokenizer_is_told_before_the_run(directory, content):
    (directory / "tokenizer.json").write_text(content)
    (line,) = told({"more": more(**{"from": str(directory)})})
    assert line == f"config pretrain.more.from: {directory}/tokenizer.json describes no tokenizer; copy it again"


def test_names_that_would_share_a_folder_are_refused(directory):
    foreign = more(**{"from": str(directory)})
    (line,) = told({"bpe4096": foreign})
    assert line.startswith("config pretrain.bpe4096: 'bpe4096' is a model that starts from a directory and a tokenizer")
    assert told({"bpe4096": more(**{"from": str(directory)}, data="gue")}) == []
    (line,) = told({"checkpoints": more()})
    assert line == "config pretrain.checkpoints: results/pretrain/checkpoints is a folder of the workflow; " + (
        "choose another name"
    )


def test_masks_that_overlapping_kmers_give_away_are_refused_of_a_continued_training_too():
    kmers = {"sixes": Tokenizer(kind="kmer_overlapping", k=6)}
    first = Model(tokenizer="sixes", architecture=Architecture(), training=Training(mask_run=6))
    (line,) = told({"six": first, "more": more(**{"from": "six"})}, **kmers)
    assert line.startswith("config pretrain.more.training.mask_run: 1 hides nothing of overlapping 6-mers")
    run = TRAINING.model_copy(update={"mask_run": 6})
    assert told({"six": first, "more": more(**{"from": "six"}, training=run)}, **kmers) == []
