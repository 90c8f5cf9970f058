"""A wrong value of any key is one line that says where it is, what is given, what is wanted, and how to write it."""

import copy
import math
from collections import OrderedDict
from datetime import date

import pytest

from tests.settings.conftest import change
from workflow_scripts.common.errors import UserError
from workflow_scripts.settings.configuration import Configuration
from workflow_scripts.settings.reference import Key, keys
from workflow_scripts.settings.validation import mistakes_in, read_json

EXAMPLES = {  # of sections of which the default configuration has none
    "demo": {"seed": 1},
    "gue": {
        "custom": {"mine/a": {"folder": "data", "chromosomes": {"dev": ["a"], "test": ["b"]}}},
        "length": {"epi": 600},
    },
    "finetune": {"tasks": {"covid": {"epochs": 4}}},
    "apply": {
        "peaks": {
            **{"do": "predict", "fit": "a/full/b/c", "seeds": [], "model": "a", "directory": "d", "input": "in.bed"},
            **{"genome": "g.fa", "window": 100, "step": 50, "labels": "LABEL", "class": "bound", "matrices": "m.txt"},
        }
    },
    "studies": {
        "tokenizers": {"bpe": "a", "others": ["b"], "sizes": [], "datasets": ["*"]},
        "sample_efficiency": {"pretrained": ["a"], "random": ["b"], "baselines": [], "datasets": ["*"]},
        "strands": {"plain": "a", "augmented": "b", "datasets": ["*"]},
        "length": {"alibi": "a", "others": [], "multiples": [1, 2], "fitted": ["a"], "datasets": ["*"]},
        "corpus": {"many": "a", "one": ["b"]},
        "scaling": {"sizes": ["a"], "data": ["b"]},
        "embeddings": {"pretrained": "a", "random": "b", "datasets": ["*"]},
        "tokens": {"model": "a", "accession": "GCF_1", "features": "features.bed"},
        "variants": {"model": "a", "accession": "GCF_1", "regions": "genes.bed"},
        "attention": {"lengths": [64], "tokens": 128},
    },
}
WRONG = {  # what a key may be -> values that it may not be, with the end of their line
    "mapping": [(5, "is an integer, not a mapping"), ([], "is a list, not a mapping")],
    "text or mapping": [(5, "is an integer, not a mapping"), (["a.fa"], "is a list, not a mapping")],
    "list": [("a", "is text, not a list; write [a]"), ({"a": 1}, "is a mapping, not a list")],
    "text": [
        (7, 'is an integer, not text; write "7"'),
        (True, 'is a boolean, not text; write "true"'),
        (date(2026, 1, 2), '2026-01-02 is a date, not text; write "2026-01-02"'),
    ],
    "`true` or `false`": [
        ("no", "is text, not true or false; write false without quotes"),
        (1, "is an integer, not true or false"),
    ],
    "integer": [
        (True, "true is a boolean, not an integer"),
        (1.5, "is a decimal number, not an integer"),
        (1e3, "is a decimal number, not an integer; write 1000"),
        ("12", "is text, not an integer; write 12"),
        ([1], "is a list, not an integer"),
    ],
    "number": [
        (False, "false is a boolean, not a number"),
        ("3e-5", "is text, not a number; write 3.0e-5"),
        ("x", "is text, not a number"),
        (math.nan, "nan is not a finite number"),
        (math.inf, "inf is not a finite number"),
    ],
    "choice": [("nothing", "'nothing' is not one of "), (3, "3 is not one of ")],
}
ANY = [(None, "empty; give a value, or leave the key out")]


@pytest.fixture(scope="module")
def whole() -> dict:
    """A configuration in which every section occurs."""
    config = Configuration().model_dump(by_alias=True, exclude_none=True)
    for section, part in EXAMPLES.items():
        config[section] = config.get(section, {}) | part
    return config


def wrong_values(key: Key) -> list[tuple[object, str]]:
    kind = "mapping" if key.allowed.startswith("keys of") else key.allowed
    kind = kind if kind in WRONG else "choice" if kind.startswith("`") else kind.split()[0]
    return WRONG[kind] + ANY


def place_of(key: Key, config: dict) -> str:
    """A dotted path to a key in a configuration; of sections by name the first."""
    path: list[str] = []
    for part in key.name.replace("[]", ".0").split("."):
        here = config
        for step in path:
            here = here[int(step)] if step.isdigit() else here[step]
        path.append(next(iter(here)) if part == "<name>" else part)
    return ".".join(path)


@pytest.mark.parametrize("key", list(keys(Configuration)), ids=lambda key: key.name)
def test_a_wrong_value_of_any_key_is_one_good_line(whole, key):
    place = place_of(key, whole)
    where = f"config {place}".replace(".0.", "[0].")
    for value, told in wrong_values(key):
        config = copy.deepcopy(whole)
        change(config, place, value)
        (line,) = mistakes_in(Configuration, config, "config")
        assert line.startswith(f"{where}: ") and told in line and "\n" not in line, line


def test_the_whole_is_sound(whole):
    assert mistakes_in(Configuration, whole, "config") == []
    assert mistakes_in(Configuration, OrderedDict(whole, genomes=OrderedDict(whole["genomes"])), "config") == []


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        ("finetune.tasks.covid.epoch", 3, "config finetune.tasks.covid: unknown key 'epoch'; did you mean 'epochs'?"),
        ("finetune.settings.lr", 1e-3, "config finetune.settings: unknown key 'lr'; known are alpha, batch_size, "),
        ("pretrain.dnabert2.training.seed", 1, "config pretrain.dnabert2.training: unknown key 'seed'; known are "),
        ("pretrain.dnabert2.start", "x", "config pretrain.dnabert2: unknown key 'start'; "),
        ("speed", 3, "config: unknown key 'speed'; did you mean 'seed'?"),
        ("genomes.chunk", {7: 1}, "config genomes.chunk: unknown key 7; known are length, "),
        ("finetune.runs", [{}], "config finetune.runs[0]: models, method, datasets missing; see config/keys.md"),
        ("finetune.runs", [], "config finetune.runs: empty; a value is needed"),
        ("tokenizer", {}, "config tokenizer: empty; a value is needed"),
        ("gue.datasets", [], "config gue.datasets: empty; a value is needed"),
        ("gue.datasets", ["*", 3], 'config gue.datasets[1]: 3 is an integer, not text; write "3"'),
        ("finetune.seeds", [1, 2, 1], "config finetune.seeds: 1 is listed twice"),
        ("finetune.seeds", [1, True], "config finetune.seeds[1]: true is a boolean, not an integer"),
        ("genomes.exclude", ["plasmid", "plasmid"], "config genomes.exclude: 'plasmid' is listed twice"),
        ("genomes.max_group_bases", {"fish": 5}, "config genomes.max_group_bases: 'fish' is not one of bacteria, "),
        ("genomes.max_group_bases", {"fungi": 0}, "config genomes.max_group_bases.fungi: 0 is less than the minimum "),
        ("finetune.gpus", 2, "config finetune.gpus: 2 is greater than the maximum of 1"),
        ("pretrain.dnabert2.training.learning_rate", 0, "config pretrain.dnabert2.training.learning_rate: 0 is not g"),
        ("gue.published_md5", "abc", "config gue.published_md5: 'abc' must be an md5, 32 digits and letters from a to"),
        ("report.title", "", "config report.title: empty; a value is needed"),
        ("report.notice", "a" * 500 + "{", f"config report.notice: '{'a' * 96}... must be one line without braces"),
        ("finetune.models.mine", {"hub": "/a"}, "config finetune.models.mine.hub: '/a' must be an id of the hub, such"),
    ],
)
def test_other_mistakes(whole, place, value, told):
    config = copy.deepcopy(whole)
    change(config, place, value)
    (line,) = mistakes_in(Configuration, config, "config")
    assert line.startswith(told)


@pytest.mark.parametrize(("place", "value"), [("genomes.chunk.max_soft_masked", 1), ("report.notice", "")])
def test_an_integer_is_a_number_and_a_text_may_be_empty(whole, place, value):
    config = copy.deepcopy(whole)
    change(config, place, value)
    assert mistakes_in(Configuration, config, "config") == []


def test_what_is_no_json_is_a_mistake_too():
    with pytest.raises(UserError, match=r"^--training: not JSON"):
        read_json(Configuration, "[3", "--training")
    with pytest.raises(UserError, match=r"^--training: \[\] is a list, not a mapping$"):
        read_json(Configuration, "[]", "--training")
