"""A small encoder fitted to a planted motif, in a process of its own and by the fork server; for benchmarks/gpu.py.

On a machine without a GPU the fits run on the CPU.
"""

import random
from pathlib import Path

from benchmarks.finetune import APART, SERVED, arguments, measured, process, small_model
from workflow_scripts.common.files import read_json, write_json, write_text
from workflow_scripts.tokenizer.bpe import to_cells
from workflow_scripts.tokenizer.train_tokenizer import TOKENIZER_CONFIG, train_bpe

ROWS = {"train": 2_016, "dev": 192, "test": 192}
MOTIF = "TATAAA" * 4
STEPS = 189
SETTINGS = {"precision": "bf16", "learning_rate": 2e-3, "pooling": "mean", "max_steps": STEPS, "warmup_steps": 10}


def planted(folder: Path) -> Path:
    """Write a data set of 70 random bases per row, every second row with a motif, and a tokenizer for it."""
    draw = random.Random(0)
    for split, rows in ROWS.items():
        bases = ["".join(draw.choices("ACGT", k=46)) for _ in range(rows)]
        lines = [f"{text[:20]}{MOTIF if row % 2 else text[:24]}{text[20:]},{row % 2}" for row, text in enumerate(bases)]
        write_text(folder / "data" / f"{split}.csv", "\n".join(["sequence,label", *lines]) + "\n")
    write_text(folder / "tokenizer.json", train_bpe(to_cells(bases), 32, 2).to_str())
    write_json(folder / "tokenizer_config.json", TOKENIZER_CONFIG)
    return folder / "data"


def fits(folder: Path) -> tuple[list[str], dict[str, float]]:
    """Table rows of the fits; and errors: 1 - MCC of the first fit, and the difference between the losses of two."""
    data = planted(folder)
    model, told, lines = small_model(folder, folder / "model"), {}, []
    for name, program in (("apart", APART), ("by the server, which starts", SERVED), ("by the server", SERVED)):
        out = folder / name
        words = (*program, *arguments(model, data, SETTINGS, out))
        wall, _processor = measured(lambda words=words: process(*words))
        told[name] = read_json(out / "metrics.json")
        cells = [name, f"{wall:.1f}", f"{told[name]['gpu_seconds']:.1f}", f"{told[name]['test']['mcc']:.3f}"]
        lines.append(f"| {' | '.join(cells)} | {told[name]['hardware']} |")
    apart, served = (told[name]["test"] for name in ("apart", "by the server"))
    return lines, {"a fit learns": 1 - apart["mcc"], "a fit by the server": abs(served["loss"] - apart["loss"])}
