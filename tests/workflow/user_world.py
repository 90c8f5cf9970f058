"""A finished run on files of a user's own, of every kind that the configuration can name."""

from pathlib import Path

import yaml

from tests.tiny_models import write_dnabert2
from tests.workflow.harness import clone, snakemake
from tests.workflow.mirror_files import fasta, letters, publish

ACCESSION = "GCF_000000001.1"
SIZES = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
TRAINING = {"steps": 4, "warmup_steps": 1, "batch_size": 4, "micro_batch_size": 4, "length": 32, "precision": "fp32"}
TRAINING |= {"validate_every": 2, "validation_sequences": 8, "log_every": 2, "checkpoint_every": 2}
FIT = {
    "learning_rate": 1e-3,
    "epochs": 1,
    "min_steps": 0,
    "batch_size": 16,
    "warmup_steps": 1,
    "eval_steps": 0,
    "precision": "fp32",
}


def labelled(seed: int, rows: int) -> str:
    """A data set as CSV: the rows of one class have a motif."""
    lines = [f"{letters(seed + row, 40)}{'TATAAA' * (row % 2)},{row % 2}\n" for row in range(rows)]
    return "sequence,label\n" + "".join(lines)


def configuration() -> dict:
    return {
        "genomes": {
            "corpus": "user/species.tsv",
            "mirror": "user/mirror",
            "chunk": {"length": 200, "min_contig": 200},
            "validation": {"fraction": 0.2, "block": 4},
        },
        "tokenizer": {"bpe4096": {"vocab_size": 64}},
        "pretrain": {"dnabert2": {"gpus": 0, "threads": 1, "architecture": SIZES, "training": TRAINING}},
        "gue": {
            "sources": "user/sources.tsv",
            "datasets": ["emp/H3", "fly/folder", "fly/whole"],
            "max_rows": {"train": 40, "dev": 10, "test": 20},
            "custom": {
                "fly/folder": {"folder": "user/fly"},
                "fly/whole": {"file": "user/whole.csv", "split": "random"},
            },
        },
        "finetune": {
            "seeds": [42],
            "gpus": 0,
            "threads": 1,
            "models": {"theirs": {"directory": "user/model"}},
            "runs": [{"models": ["dnabert2", "theirs"], "method": "full", "datasets": ["*"]}],
            "released_values": False,
            "settings": FIT,
        },
    }


def write_configuration(root: Path, settings: dict) -> None:
    (root / "user/mine.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))


def write_user_files(folder: Path) -> None:
    """A mirror with an assembly, a genome of one's own, a primary file, data sets, a model, and the tables."""
    url = publish(folder / "mirror", ACCESSION, fasta(("NC_1.1 Aus bus", letters(1, 12_000))))
    (folder / "own.fa").write_bytes(fasta(("chr1", letters(2, 9000))))
    species = [["accession", "organism", "group", "genus", "url"]]
    species += [[ACCESSION, "Aus bus", "bacteria", "Aus", url], ["own", "Cus dus", "fungi", "Cus", "user/own.fa"]]
    (folder / "species.tsv").write_text("".join("\t".join(row) + "\n" for row in species))
    marks = "".join(f">row{row}\n{letters(100 + row, 500)}\n{row % 2}\n" for row in range(80))
    (folder / "H3.txt").write_text(marks)
    columns = "source\trole\tdatasets\tlabel\turl\tmd5\tlicence\tnote\n"
    (folder / "sources.tsv").write_text(f"{columns}H3.txt\thistone\temp/H3\t\tuser/H3.txt\t\tnone\t\n")
    (folder / "fly").mkdir()
    for seed, (split, rows) in enumerate({"train": 40, "dev": 10, "test": 20}.items()):
        (folder / "fly" / f"{split}.csv").write_text(labelled(1000 * (seed + 1), rows))
    (folder / "whole.csv").write_text(labelled(9000, 80))
    write_dnabert2(folder / "model")


def make(root: Path) -> Path:
    """A clone at ``root`` with the user's files in ``user``, and the results of a whole run."""
    clone(root)
    write_user_files(root / "user")
    write_configuration(root, configuration())
    run(root)
    return root


def run(root: Path, *arguments: str) -> str:
    """What Snakemake says in a clone."""
    options = ["--configfile", "user/mine.yaml", "--cores", "2", "--scheduler", "greedy"]
    return snakemake(*arguments, *options, cwd=root).stdout
