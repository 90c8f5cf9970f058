"""Tiny model directories, one of each kind that the workflow reads."""

import itertools
import shutil
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertForMaskedLM, EsmConfig, EsmForMaskedLM

from workflow_scripts.common.files import read_json, write_json, write_text
from workflow_scripts.common.tokenizer_files import save_tokenizer
from workflow_scripts.model import DnaBert2Config, DnaBert2ForMaskedLM
from workflow_scripts.tokenizer.bpe import to_cells
from workflow_scripts.tokenizer.train_tokenizer import TOKENIZER_CONFIG, train_bpe

VOCABULARY = 32
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
TARGETS = {
    "ours": ("Wqkv",),
    "published": ("Wqkv",),
    "esm": ("query", "value", "key", "dense"),
    "bert": ("query", "dense"),
}
"""Layers that LoRA can adapt, by the kind of model."""


def write_dnabert2(folder: Path) -> Path:
    """A masked language model with its BPE tokenizer, as pre-training writes it."""
    torch.manual_seed(0)
    config = DnaBert2Config(vocab_size=VOCABULARY, initializer_range=0.1, **SIZES)
    DnaBert2ForMaskedLM(config).save_pretrained(folder)
    letters = np.random.default_rng(0).choice(list("ACGT"), (20, 200))
    save_tokenizer(train_bpe(to_cells("".join(row) for row in letters), VOCABULARY, 2), folder / "tokenizer.json")
    write_json(folder / "tokenizer_config.json", TOKENIZER_CONFIG)
    return folder


def write_published(folder: Path, ours: Path) -> Path:
    """zhihan1996/DNABERT-2-117M: a configuration that points to code of its own, and tensors in a pickle."""
    folder.mkdir()
    config = read_json(ours / "config.json")
    kept = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size")
    code = {"AutoConfig": "configuration_bert.BertConfig", "AutoModel": "bert_layers.BertModel"}
    write_json(
        folder / "config.json", {key: config[key] for key in kept} | {"auto_map": code, "alibi_starting_size": 512}
    )
    torch.save(load_file(ours / "model.safetensors"), folder / "pytorch_model.bin")
    shutil.copyfile(ours / "tokenizer.json", folder / "tokenizer.json")
    described = read_json(ours / "tokenizer_config.json")
    described.pop("model_input_names")
    write_json(folder / "tokenizer_config.json", described)
    return folder


def write_esm(folder: Path) -> Path:
    """Nucleotide Transformer: ESM with learned positions, 6-mers side by side, a tokenizer that is not compiled."""
    torch.manual_seed(0)
    words = ["<unk>", "<pad>", "<mask>", "<cls>", *map("".join, itertools.product("ATCG", repeat=6)), *"ATCGN"]
    EsmForMaskedLM(
        EsmConfig(
            vocab_size=len(words) + 1,
            pad_token_id=1,
            mask_token_id=2,
            max_position_embeddings=22,
            position_embedding_type="absolute",
            **SMALL,
        )
    ).save_pretrained(folder)
    write_text(folder / "vocab.txt", "\n".join(words))
    special = {f"{name}_token": f"<{name}>" for name in ("unk", "pad", "mask", "cls")}
    write_json(folder / "tokenizer_config.json", special | {"eos_token": None, "tokenizer_class": "EsmTokenizer"})
    return folder


def write_bert(folder: Path) -> Path:
    """zhihan1996/DNA_bert_3: BERT with overlapping 3-mers as words."""
    torch.manual_seed(0)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *map("".join, itertools.product("ATCG", repeat=3))]
    BertForMaskedLM(BertConfig(vocab_size=len(words), max_position_embeddings=24, **SMALL)).save_pretrained(folder)
    write_text(folder / "vocab.txt", "\n".join(words) + "\n")
    write_json(folder / "tokenizer_config.json", {"do_lower_case": False, "max_len": 512})
    return folder


def write_all(root: Path) -> dict[str, dict]:
    """A directory of each kind below ``root``, as entries of the configuration."""
    ours = write_dnabert2(root / "ours")
    return {
        "ours": {"directory": str(ours)},
        "published": {"directory": str(write_published(root / "published", ours))},
        "esm": {"directory": str(write_esm(root / "esm"))},
        "bert": {"directory": str(write_bert(root / "bert")), "kmer": 3},
    }
