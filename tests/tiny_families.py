"""Tiny model directories of other families: one for each trait of an interface.

Architectures of transformers are tiny models of its classes. The others are stand-ins, see tests/stand_ins.
"""

import itertools
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from tests.stand_ins import FOLDER
from workflow_scripts.common.files import read_json, write_json, write_text

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
SPREAD = 0.3  # of weights; as small as usual, tiny models would give all texts nearly the same
LIMIT = 48


def copy_tokenizer(ours: Path, folder: Path) -> int:
    """The BPE tokenizer of a tiny DNABERT-2; returns its size."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(ours / name, folder / name)
    return len(read_json(folder / "tokenizer.json")["model"]["vocab"])


def write_modernbert(folder: Path, ours: Path) -> Path:
    """ModernGENA: ModernBERT, rotary, trained on inputs up to LIMIT tokens."""
    from transformers import ModernBertConfig, ModernBertForMaskedLM  # older versions have none

    folder.mkdir()
    torch.manual_seed(0)
    config = ModernBertConfig(
        vocab_size=copy_tokenizer(ours, folder),
        max_position_embeddings=LIMIT,
        pad_token_id=3,
        bos_token_id=1,
        cls_token_id=1,
        eos_token_id=2,
        sep_token_id=2,
        initializer_range=SPREAD,
        **SIZES,
    )
    return saved(ModernBertForMaskedLM(config), folder)


def write_gpt2(folder: Path) -> Path:
    """A GPT-2 with vocab.json and merges.txt, and padding neither in its tokenizer nor in its configuration."""
    torch.manual_seed(0)
    pairs = ["".join(pair) for pair in itertools.product("ACGT", repeat=2)]
    words = ["<|endoftext|>", *"ACGTN", *pairs]
    config = GPT2Config(vocab_size=len(words), n_embd=16, n_layer=2, n_head=2, n_positions=LIMIT)
    config.bos_token_id = config.eos_token_id = 0
    config.initializer_range = SPREAD
    saved(GPT2LMHeadModel(config), folder)
    write_json(folder / "vocab.json", {word: number for number, word in enumerate(words)})
    write_text(folder / "merges.txt", "\n".join(["#version: 0.2", *(" ".join(pair) for pair in pairs)]) + "\n")
    special = dict.fromkeys(("bos_token", "eos_token", "unk_token"), "<|endoftext|>")
    write_json(folder / "tokenizer_config.json", special | {"tokenizer_class": "GPT2Tokenizer"})
    return folder


def write_llama(folder: Path, ours: Path) -> Path:
    """A decoder like GENERator's: Llama, rotary, without padding in its configuration."""
    folder.mkdir()
    torch.manual_seed(0)
    size = copy_tokenizer(ours, folder)
    config = LlamaConfig(vocab_size=size, num_key_value_heads=2, max_position_embeddings=LIMIT, **SIZES)
    config.initializer_range = SPREAD
    return saved(LlamaForCausalLM(config), folder)


def write_stand_in(folder: Path, classifier: bool = False, num_downsamples: int = 0) -> Path:
    """Code for configuration, model and tokenizer; no attention mask. ``classifier``: with a classifier class.

    ``num_downsamples``: how often a U-Net would halve the length.
    """
    from tests.stand_ins.configuration_stand_in import StandInConfig
    from tests.stand_ins.modeling_stand_in import StandInModel

    torch.manual_seed(0)
    model = saved(StandInModel(StandInConfig(num_downsamples=num_downsamples)), folder)
    classes = {"AutoConfig": "configuration_stand_in.StandInConfig", "AutoModel": "modeling_stand_in.StandInModel"}
    if classifier:
        classes["AutoModelForSequenceClassification"] = "modeling_stand_in.StandInForSequenceClassification"
    write_json(folder / "config.json", read_json(folder / "config.json") | {"auto_map": classes})
    tokenizer = {"AutoTokenizer": ["tokenization_stand_in.StandInTokenizer", None]}
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "StandInTokenizer", "auto_map": tokenizer})
    for path in FOLDER.glob("*_stand_in.py"):
        shutil.copyfile(path, folder / path.name)
    return model


def saved(model: PreTrainedModel, folder: Path) -> Path:
    model.save_pretrained(folder)
    return folder


@contextmanager
def code_of_models(cache: Path) -> Iterator[None]:
    """Let transformers keep the code of models below ``cache``, and forget what it has loaded from elsewhere."""

    def forget() -> None:
        for name in [name for name in sys.modules if name.split(".")[0] == "transformers_modules"]:
            del sys.modules[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(cache))
        patch.syspath_prepend(str(cache))
        forget()
        yield
        forget()


def write_all(root: Path, ours: Path) -> dict[str, dict]:
    """A directory of each trait below ``root``, as entries of the configuration."""
    return {
        "modernbert": {"directory": str(write_modernbert(root / "modernbert", ours))},
        "gpt2": {"directory": str(write_gpt2(root / "gpt2"))},
        "llama": {"directory": str(write_llama(root / "llama", ours))},
        "code": {"directory": str(write_stand_in(root / "code")), "trust_remote_code": True},
        "unet": {"directory": str(write_stand_in(root / "unet", num_downsamples=4)), "trust_remote_code": True},
        "code_classifier": {
            "directory": str(write_stand_in(root / "code_classifier", classifier=True)),
            "trust_remote_code": True,
        },
    }
