"""Tiny models with the code that the authors of a family published, as entries of the configuration.

``PUBLISHED_FAMILIES`` names a folder with a folder of Python files for each family, copied from public repositories;
this repository holds none of them. What such code needs and no pinned package offers is a stand-in.
"""

import itertools
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers
from transformers import AutoConfig

from tests.stand_ins import FOLDER
from tests.tiny_families import SIZES, SPREAD, copy_tokenizer
from workflow_scripts.common.files import read_json, write_json, write_text

LETTERS = [*"ATCG", "N"]
CODE = {  # family -> its files
    "hyenadna": ("configuration_hyena.py", "modeling_hyena.py"),
    "caduceus": ("configuration_caduceus.py", "modeling_caduceus.py", "modeling_rcps.py", "tokenization_caduceus.py"),
    "nt_v2": ("esm_config.py", "modeling_esm.py"),
    "ntv3": ("configuration_ntv3_pretrained.py", "modeling_ntv3_pretrained.py", "tokenization_ntv3.py"),
    "gena_lm": ("modeling_bert.py",),
    "generator": ("tokenizer.py",),
    "dnabert2": ("configuration_bert.py", "bert_layers.py", "bert_padding.py", "flash_attn_triton.py"),
}


def code_of(family: str, folder: Path) -> Path:
    """A new folder with the published code of a family; skips the test if the code is not here."""
    place = os.environ.get("PUBLISHED_FAMILIES")
    if not place:
        pytest.skip("PUBLISHED_FAMILIES names no folder with published code")
    missing = [name for name in CODE[family] if not (Path(place) / family / name).is_file()]
    if missing:
        pytest.skip(f"no {missing[0]} in {Path(place) / family}")
    folder.mkdir()
    for name in CODE[family]:
        shutil.copyfile(Path(place) / family / name, folder / name)
    return folder


def with_weights(folder: Path, described: dict, auto_class: str) -> Path:
    """Random weights for config.json ``described``, in the older format of the library, with tied ones once."""
    write_json(folder / "config.json", described)
    torch.manual_seed(0)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    model = getattr(transformers, auto_class).from_config(config, trust_remote_code=True)
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1 and "filter" not in name and not name.endswith("A_log"):
            torch.nn.init.normal_(parameter, std=SPREAD)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    return folder


def without_weights(folder: Path, described: dict, _auto_class: str) -> Path:
    """The same without weights, for code that this version of the library cannot build a model of."""
    write_json(folder / "config.json", described)
    torch.save({}, folder / "pytorch_model.bin")
    return folder


def write_hyenadna(folder: Path, _ours: Path) -> Path:
    code_of("hyenadna", folder)
    shutil.copyfile(FOLDER / "tokenization_stand_in.py", folder / "tokenization_stand_in.py")
    tokenizer = {"AutoTokenizer": ["tokenization_stand_in.StandInTokenizer", None]}
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "StandInTokenizer", "auto_map": tokenizer})
    described = {
        "auto_map": {
            "AutoConfig": "configuration_hyena.HyenaConfig",
            "AutoModel": "modeling_hyena.HyenaDNAModel",
            "AutoModelForCausalLM": "modeling_hyena.HyenaDNAForCausalLM",
            "AutoModelForSequenceClassification": "modeling_hyena.HyenaDNAForSequenceClassification",
        },
        **{"model_type": "hyenadna", "d_model": 16, "n_layer": 2, "d_inner": 32, "max_seq_len": 64},
        **{"filter_order": 8, "emb_dim": 3, "vocab_size": 12, "pad_token_id": 4, "transformers_version": "4.57.1"},
    }
    return with_weights(folder, described, "AutoModelForSequenceClassification")


def write_caduceus(folder: Path, strands: bool) -> Path:
    """``strands``: of both strands, so that hidden states of a sequence are those of its reverse complement."""
    code_of("caduceus", folder)
    tokenizer = {"AutoTokenizer": ["tokenization_caduceus.CaduceusTokenizer", None]}
    described = {"tokenizer_class": "CaduceusTokenizer", "model_max_length": 131072, "auto_map": tokenizer}
    write_json(folder / "tokenizer_config.json", described)
    complements = {str(word): {7: 10, 8: 9, 9: 8, 10: 7}.get(word, word) for word in range(16)}
    described = {
        "auto_map": {
            "AutoConfig": "configuration_caduceus.CaduceusConfig",
            "AutoModel": "modeling_caduceus.Caduceus",
            "AutoModelForMaskedLM": "modeling_caduceus.CaduceusForMaskedLM",
            "AutoModelForSequenceClassification": "modeling_caduceus.CaduceusForSequenceClassification",
        },
        **{"model_type": "caduceus", "d_model": 16, "n_layer": 2, "vocab_size": 16, "pad_vocab_size_multiple": 8},
        **{"ssm_cfg": {"d_state": 4, "d_conv": 4, "expand": 2}, "rms_norm": False, "fused_add_norm": False},
        **{"rcps": strands, "complement_map": complements, "initializer_cfg": {"initializer_range": SPREAD}},
        "transformers_version": "4.38.1",
    }
    return with_weights(folder, described, "AutoModelForMaskedLM")


def write_caduceus_ph(folder: Path, _ours: Path) -> Path:
    return write_caduceus(folder, strands=False)


def write_caduceus_ps(folder: Path, _ours: Path) -> Path:
    return write_caduceus(folder, strands=True)


def write_plantcad(folder: Path, _ours: Path) -> Path:
    """Caduceus with a language model as its only class."""
    write_caduceus(folder, strands=True)
    described = read_json(folder / "config.json")
    kept = ("AutoConfig", "AutoModelForMaskedLM")
    described["auto_map"] = {name: described["auto_map"][name] for name in kept}
    write_json(folder / "config.json", described)
    return folder


def write_nt_v2(folder: Path, _ours: Path) -> Path:
    """6-mers and single letters; no ``model_type`` in its configuration."""
    code_of("nt_v2", folder)
    special = ["<unk>", "<pad>", "<mask>", "<cls>", "<eos>", "<bos>"]
    words = [*special, *("".join(word) for word in itertools.product("ATCG", repeat=6)), *LETTERS]
    write_text(folder / "vocab.txt", "\n".join(words))
    described = {"clean_up_tokenization_spaces": True, "eos_token": None, "model_max_length": 2048}
    write_json(folder / "tokenizer_config.json", described | {"tokenizer_class": "EsmTokenizer"})
    tokens = {"cls_token": "<cls>", "mask_token": "<mask>", "pad_token": "<pad>", "unk_token": "<unk>"}
    write_json(folder / "special_tokens_map.json", tokens)
    names = ("MaskedLM", "SequenceClassification", "TokenClassification")
    described = {
        "auto_map": {"AutoConfig": "esm_config.EsmConfig"}
        | {f"AutoModelFor{name}": f"modeling_esm.EsmFor{name}" for name in names},
        **{"add_bias_fnn": False, "attention_probs_dropout_prob": 0.0, "emb_layer_norm_before": False},
        **{"esmfold_config": None, "hidden_dropout_prob": 0.0, "initializer_range": SPREAD, "is_folding_model": False},
        **{"layer_norm_eps": 1e-12, "mask_token_id": 2, "max_position_embeddings": 50, "pad_token_id": 1},
        **{"position_embedding_type": "rotary", "tie_word_embeddings": False, "token_dropout": False},
        **{"use_cache": False, "vocab_list": None, "vocab_size": len(words), "transformers_version": "4.32.0.dev0"},
        **SIZES,
    }
    return with_weights(folder, described, "AutoModelForMaskedLM")


def write_ntv3(folder: Path, _ours: Path) -> Path:
    """A U-Net whose ``forward`` takes an attention mask and does not use it."""
    code_of("ntv3", folder)
    tokenizer = {"AutoTokenizer": ["tokenization_ntv3.NTv3Tokenizer", None]}
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "NTv3Tokenizer", "auto_map": tokenizer})
    described = {
        "auto_map": {
            "AutoConfig": "configuration_ntv3_pretrained.Ntv3PreTrainedConfig",
            "AutoModelForMaskedLM": "modeling_ntv3_pretrained.NTv3PreTrained",
        },
        **{"model_type": "ntv3", "num_downsamples": 3, "attention_heads": 2, "key_size": 12, "token_embed_dim": 8},
        **{"conv_init_embed_dim": 16, "embed_dim": 24, "ffn_embed_dim": 32, "num_layers": 2},
        "transformers_version": "4.55.0",
    }
    return with_weights(folder, described, "AutoModelForMaskedLM")


def write_gena_lm(folder: Path, ours: Path) -> Path:
    """BERT with layer norms first; its configuration is the library's."""
    code_of("gena_lm", folder)
    described = {
        "auto_map": {
            "AutoModel": "modeling_bert.BertModel",
            "AutoModelForMaskedLM": "modeling_bert.BertForMaskedLM",
            "AutoModelForSequenceClassification": "modeling_bert.BertForSequenceClassification",
        },
        **{"model_type": "bert", "vocab_size": copy_tokenizer(ours, folder), "pad_token_id": 3, "type_vocab_size": 2},
        **{"max_position_embeddings": 48, "pre_layer_norm": True, "initializer_range": SPREAD},
        **{"transformers_version": "4.17.0.dev0", "tie_word_embeddings": True},
        **SIZES,
    }
    return with_weights(folder, described, "AutoModelForSequenceClassification")


def write_generator(folder: Path, _ours: Path) -> Path:
    """Llama of the library with a tokenizer that is code: 6-mers from the start, and an unknown rest."""
    code_of("generator", folder)
    tokenizer = {"AutoTokenizer": ["tokenizer.DNAKmerTokenizer", None]}
    special = {"bos_token": "<s>", "eos_token": "</s>", "mask_token": "<mask>", "pad_token": "<pad>"}
    described = {"k": 6, "tokenizer_class": "DNAKmerTokenizer", "auto_map": tokenizer, "unk_token": "<oov>"}
    write_json(folder / "tokenizer_config.json", described | special)
    described = {
        **{"model_type": "llama", "vocab_size": 32 + 4**6, "max_position_embeddings": 64, "num_key_value_heads": 1},
        **{"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3, "initializer_range": SPREAD},
        **SIZES,
        "transformers_version": "4.49.0",
    }
    return with_weights(folder, described, "AutoModelForCausalLM")


WRITERS: dict[str, Callable[[Path, Path], Path]] = {
    "hyenadna": write_hyenadna,
    "caduceus_ph": write_caduceus_ph,
    "caduceus_ps": write_caduceus_ps,
    "plantcad": write_plantcad,
    "nt_v2": write_nt_v2,
    "ntv3": write_ntv3,
    "gena_lm": write_gena_lm,
    "generator": write_generator,
}


def stand_in_for_mamba(patch: pytest.MonkeyPatch) -> None:
    """Let code import the layer of mamba_ssm, whose package holds kernels for GPUs only."""
    from tests.stand_ins import mamba

    for name in ("mamba_ssm", "mamba_ssm.modules", "mamba_ssm.modules.mamba_simple"):
        patch.setitem(sys.modules, name, mamba)
