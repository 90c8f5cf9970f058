"""Working directories with the tokens of two genomes, in which Snakemake trains a tiny model."""

import json
import shutil
from pathlib import Path

ARCHITECTURE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
TRAINING = {
    **{"steps": 400, "warmup_steps": 5, "batch_size": 32, "micro_batch_size": 32, "length": 16, "precision": "fp32"},
    **{"learning_rate": 1e-3, "validate_every": 200, "validation_sequences": 30, "log_every": 7},
    "checkpoint_every": 20,
}


def lay_out(root: Path, shards: list[tuple[Path, Path]], tokenizer: Path) -> None:
    """Make a working directory with the results of the encoding: shards of two genomes, and the tokenizer."""
    tokens = root / "results/tokenizer/bpe4096/tokens"
    tokens.mkdir(parents=True)
    for file in tokenizer.iterdir():
        shutil.copyfile(file, tokens.parent / file.name)
    for file in (file for shard in shards for file in shard):
        shutil.copyfile(file, tokens / file.name)
        (tokens / file.name.replace(".index", "")).with_suffix(".json").write_text("{}")
    rows = ["accession\torganism\tgroup\turl", "one\tA a\tbacteria\tone.fa", "two\tB b\tbacteria\ttwo.fa"]
    (root / "species.tsv").write_text("\n".join(rows) + "\n")


def configured(root: Path, model: dict | None = None, **training) -> list[str]:
    """Options that select the two genomes and the tiny model."""
    small = {"gpus": 0, "architecture": ARCHITECTURE, "training": TRAINING | training}
    (root / "mine.yaml").write_text(
        json.dumps({"genomes": {"corpus": "species.tsv"}, "pretrain": {"dnabert2": small | (model or {})}})
    )
    target = "results/pretrain/dnabert2/summary.json"
    return [target, "--directory", str(root), "--configfile", str(root / "mine.yaml")]


# The shards have no record of the rules that would make them, so only this rule may run.
ALONE = ["--allowed-rules", "pretrain_model"]


def newest_state(root: Path) -> int:
    """The step of the newest saved state, 0 if there is none."""
    folder = root / "results/pretrain/.state/dnabert2"
    return max((int(path.stem[5:]) for path in folder.glob("step-*.safetensors")), default=0)
