"""A corpus of thousands of genomes: what reads all of them has no command line that grows with their number."""

import os
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tests.workflow.harness import snakemake
from workflow_scripts.common.files import read_json, write_table
from workflow_scripts.tokenizer.encode_genome import INDEX

pytestmark = pytest.mark.slow
LONGEST = 128 * 1024  # bytes of a shell command, which Snakemake gives bash as one word: Linux's MAX_ARG_STRLEN
GENOMES = [f"genome{number}_{'of_a_long_name' * 4}" for number in range(2000)]


@pytest.fixture
def corpus(tmp_path):
    """Chunks and tokens of all genomes, each of one and the same hundred bases, and a model to train on them."""
    assert sum(len(f"results/genomes/chunks/{genome}.parquet ") for genome in GENOMES) > LONGEST
    chunks, tokens = (tmp_path / "results" / name for name in ("genomes/chunks", "tokenizer/base/tokens"))
    columns = {"contig": ["c"] * 2, "start": [0, 50], "end": [50, 100], "sequence": ["ACGTT" * 10] * 2}
    columns |= {"soft_masked": pa.array([0.0, 0.0], pa.float32()), "split": ["train", "validation"]}
    index = np.zeros(2, INDEX)
    index["start"], index["length"], index["validation"] = [0, 50], 50, [False, True]
    for folder in (chunks, tokens):
        folder.mkdir(parents=True)
    pq.write_table(pa.table(columns), chunks / "chunks")
    np.save(tokens / "tokens.npy", np.tile([5, 6, 7, 8, 8], 20).astype(np.uint16))
    np.save(tokens / "index.npy", index)
    for genome in GENOMES:
        os.link(chunks / "chunks", chunks / f"{genome}.parquet")
        os.link(tokens / "tokens.npy", tokens / f"{genome}.npy")
        os.link(tokens / "index.npy", tokens / f"{genome}.index.npy")
        for folder in (chunks, tokens):
            (folder / f"{genome}.json").write_text("{}")
    rows = [{"accession": genome, "organism": "Aus", "group": "viral", "url": "a.fa"} for genome in GENOMES]
    for table in ("species.tsv", "results/genomes/corpus.tsv"):
        write_table(tmp_path / table, rows, list(rows[0]))
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    training = {"steps": 2, "warmup_steps": 1, "batch_size": 8, "micro_batch_size": 8, "length": 16}
    settings = {
        "genomes": {"corpus": "species.tsv"},
        "tokenizer": {"base": {"kind": "nucleotide", "k": 1}},
        "pretrain": {"tiny": {"tokenizer": "base", "gpus": 0, "architecture": sizes, "training": training}},
    }
    settings["pretrain"]["tiny"]["training"]["precision"] = "fp32"
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(settings))
    return tmp_path


def test_no_command_line_grows_with_the_corpus(corpus):
    """Tokenizer and training run; of the study, which takes longer, the plan shows the same."""
    targets = ["results/studies/tokenization/result.json", "results/pretrain/tiny/summary.json"]
    options = ["--cores", "1", "--directory", corpus, "--configfile", corpus / "mine.yaml", "--allowed-rules"]
    snakemake(targets[1], *options, "train_tokenizer", "pretrain_model")
    assert read_json(corpus / "results/tokenizer/base/stats.json")["sample_bases"] == 50 * len(GENOMES)
    assert read_json(corpus / "results/pretrain/tiny/summary.json")["training_chunks"] == len(GENOMES)
    planned = snakemake(targets[0], *options, "train_tokenizer", "study_tokenization", "-n", "-p").stdout
    commands = re.findall(r"^ *python -m workflow_scripts.*", planned, re.M)
    assert len(commands) == 2 and max(map(len, commands)) < 2000
