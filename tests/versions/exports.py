"""Write one export of each kind, and what each must give, for check_exports.py."""

import itertools
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from transformers import AutoTokenizer

from tests.tiny_models import SIZES, VOCABULARY, write_dnabert2
from workflow_scripts.common import kmer_tokenizers
from workflow_scripts.common.files import write_json, write_text
from workflow_scripts.common.tokenizer_files import save_tokenizer
from workflow_scripts.finetune.finetune_model import main
from workflow_scripts.model import DnaBert2Config, DnaBert2ForMaskedLM
from workflow_scripts.pretrain.model_card import render_card
from workflow_scripts.settings.pretrain import SeededTraining
from workflow_scripts.tokenizer.train_tokenizer import TOKENIZER_CONFIG

FITS = {
    "full": ("full", "classification", "mcc"),
    "adapter": ("lora", "classification", "mcc"),
    "regression": ("full", "regression", "spearman"),
    "multilabel": ("full", "multilabel", "f1"),
    "pairs": ("full", "classification", "mcc"),
}
"""Method, problem and metric of each fit."""
TOKENIZERS = {"kmer": 3, "nucleotide": 1, "kmer_overlapping": 3}
SUMMARY = {
    **{"model": "tiny", "parameters": 0, "steps": 0, "training_chunks": 0, "hardware": "none"},
    **{"architecture": {}, "settings": SeededTraining().model_dump()},
}
ROWS = {"train": 64, "dev": 16, "test": 24}
SETTINGS = {
    **{"learning_rate": 1e-2, "max_steps": 40, "batch_size": 16, "warmup_steps": 2, "eval_steps": 0},
    **{"precision": "fp32", "pooling": "mean", "rank": 4, "merge": True},
}


def sequences(number: int, name: str) -> list[str]:
    """Random sequences of different lengths, with little, half or much G and C."""
    random = np.random.default_rng([number, *name.encode()])
    letters = itertools.cycle(["ACGTATAT", "ACGT", "ACGTGCGC"])
    return ["".join(random.choice(list(next(letters)), random.integers(20, 90))) for _ in range(number)]


def write_dataset(folder: Path, name: str) -> None:
    """A data set for a fit; every label follows from the share of G and C."""
    for split, rows in ROWS.items():
        lines = ["first,second,label" if name == "pairs" else "sequence,label"]
        for sequence in sequences(rows, name + split):
            share = sum(map(sequence.count, "GC")) / len(sequence)
            label = {"regression": 3000 + 500 * share, "multilabel": f"{int(share > 0.5)};{int(share > 0.3)}"}
            text = f"{sequence[:15]},{sequence[15:]}" if name == "pairs" else sequence
            lines.append(f"{text},{label.get(name, int(share > 0.35) + int(share > 0.65))}")
        write_text(folder / f"{split}.csv", "\n".join(lines) + "\n")


def write_fit(root: Path, name: str) -> dict:
    """Fit the pre-trained model; returns the texts of the test rows, and the predictions of the fit."""
    method, problem, metric = FITS[name]
    write_dataset(root / "data" / name, name)
    command = [
        *("--name", "tiny", "versions", name, "--model", json.dumps({"directory": str(root / "pretrained")})),
        *("--method", method, "--metric", metric, "--seed", "42", "--data", str(root / "data" / name)),
        *("--settings", json.dumps(SETTINGS | {"problem": problem})),
        *("--tokens", str(root / "tokens"), "--state", str(root / "state"), "--out", str(root / name)),
    ]
    assert main(command) == 0
    rows = [line.split(",")[:-1] for line in (root / "data" / name / "test.csv").read_text().splitlines()[1:]]
    table = pq.read_table(root / name / "predictions.parquet").to_pydict()
    predictions = np.array(table["prediction" if problem == "regression" else "probabilities"])
    assert predictions.std(axis=0).min() > 0.03, "predictions that hardly differ would hide mistakes"
    return {
        "texts": rows if name == "pairs" else [row[0] for row in rows],
        "predictions": predictions.tolist(),
    }


def write_pretrained(folder: Path, length: int = 10, **architecture: str | int) -> dict:
    """A pre-trained model; returns texts, ids, the last hidden states and the logits of all tokens.

    ``length``: repeats of five letters in the last text.
    """
    write_dnabert2(folder)
    write_text(folder / "README.md", render_card(SUMMARY, []))
    if architecture:
        torch.manual_seed(0)
        config = DnaBert2Config(vocab_size=VOCABULARY, initializer_range=0.1, **SIZES | architecture)
        DnaBert2ForMaskedLM(config).save_pretrained(folder)
    texts = [*sequences(4, "pretrained"), "ACGGT" * length]
    model = DnaBert2ForMaskedLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(texts)["input_ids"]
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden, logits = model.bert(**batch).last_hidden_state, model(**batch).logits
    kept = batch["attention_mask"].bool()
    return {"texts": texts, "ids": ids, "hidden": hidden[kept].tolist(), "logits": logits[kept].tolist()}


def write_tokenizer(folder: Path, kind: str) -> dict:
    """A tokenizer without training; returns texts, ids, and what the ids decode to."""
    tokenizer = kmer_tokenizers.build(kind, TOKENIZERS[kind])
    save_tokenizer(tokenizer, folder / "tokenizer.json")
    write_json(folder / "tokenizer_config.json", TOKENIZER_CONFIG)
    texts = sequences(4, kind)
    return {"texts": texts, "ids": [tokenizer.encode(text).ids for text in texts]}


def write_exports(root: Path) -> None:
    """All exports below ``root``, and expected.json with what they must give."""
    expected = {"pretrained": write_pretrained(root / "pretrained")}
    # as in the published model the slopes of ALiBi are those of two series; one text is longer than its 512 tokens
    expected["twelve_heads"] = write_pretrained(root / "twelve_heads", 500, hidden_size=48, num_attention_heads=12)
    expected["rotary"] = write_pretrained(root / "rotary", positions="rotary")
    expected["learned"] = write_pretrained(root / "learned", positions="learned", max_positions=128)
    expected |= {name: write_fit(root, name) for name in FITS}
    expected |= {kind: write_tokenizer(root / kind, kind) for kind in TOKENIZERS}
    write_json(root / "expected.json", expected)
