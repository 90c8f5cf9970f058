"""Models with different tokenizers are trained, fitted and compared in one run, each reading whole sequences."""

import json

import pytest

from tests.workflow.harness import REPOSITORY, snakemake
from workflow_scripts.common.files import read_json, read_table, write_table
from workflow_scripts.finetune import token_cache

pytestmark = pytest.mark.slow
DATASETS = {"promoter/tata": 300, "tf_mouse/0": 101}  # bases of a row; DNABERT-2 is fitted at 70 and 30 tokens
TRAINING = {"steps": 4, "warmup_steps": 1, "batch_size": 16, "micro_batch_size": 16, "validation_sequences": 16}
MODEL = {
    "gpus": 0,
    "architecture": {"hidden_size": 48, "num_hidden_layers": 1, "num_attention_heads": 6, "intermediate_size": 96},
    "training": TRAINING | {"validate_every": 4, "checkpoint_every": 4, "log_every": 1, "precision": "fp32"},
}
OVERLAY = {
    "genomes": {"corpus": "species.tsv"},
    "tokenizer": {"kmer6": {"kind": "kmer_overlapping", "k": 6}},
    "pretrain": {
        "dnabert2": MODEL,
        "six_mers": {"tokenizer": "kmer6", **MODEL, "training": MODEL["training"] | {"mask_run": 6}},
    },
    "gue": {"datasets": list(DATASETS), "max_rows": {"train": 32, "dev": 8, "test": 32}},
    "finetune": {
        "released_values": True,
        "settings": {"max_steps": 2},
        "runs": [{"models": ["dnabert2", "six_mers"], "method": "full", "datasets": ["*"]}],
    },
}


def test_bpe_and_six_mers_are_compared_in_one_table(tmp_path):
    (tmp_path / "mine.yaml").write_text(json.dumps(OVERLAY))
    species = read_table(REPOSITORY / "config/demo/species.tsv")
    few = [row for row in species if row["group"] in ("fungi", "vertebrate_mammalian")]  # with the data sets' genomes
    write_table(tmp_path / "species.tsv", few, list(species[0]))
    configs = ["--configfile", REPOSITORY / "config/demo.yaml", tmp_path / "mine.yaml"]
    snakemake(*configs, "--directory", tmp_path, "--cores", "1", "--scheduler", "greedy", "gue_results")
    results = tmp_path / "results"
    table = read_table(results / "report/gue_results.tsv")
    assert {(row["model"], f"{row['task']}/{row['dataset']}") for row in table} == {
        (model, dataset) for model in ("dnabert2", "six_mers") for dataset in DATASETS
    }
    assert all(row["missing"] == "" and row["mean"] for row in table)
    for model in ("dnabert2", "six_mers"):
        for dataset in DATASETS:
            told = read_json(results / f"finetune/{model}/full/{dataset}/seed42/metrics.json")
            assert told["max_tokens"] == 0 and set(told["truncated"].values()) == {0}
            assert told["settings"]["warmup_steps"] == 6, "of the demo, over the released 50"
    seen = {len(ids) for path in (results / "finetune/.tokens").iterdir() for ids in token_cache.read(path).ids}
    assert {length - 5 + 2 for length in DATASETS.values()} <= seen, "all 6-mers of a row, [CLS] and [SEP]"
