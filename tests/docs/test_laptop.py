"""The laptop example of the README, run as documented but with fewer steps."""

import gzip
import random
import re

import pytest

from tests.docs.markdown import BLOCK, REPOSITORY
from tests.workflow.harness import job_counts, snakemake
from workflow_scripts.common.files import read_json, read_table

HEADING = "## Your own genomes and data on a laptop"
SHORTER = """
pretrain: {dnabert2: {training: {steps: 60, warmup_steps: 10, validate_every: 30, validation_sequences: 32}}}
finetune: {seeds: [42], settings: {epochs: 1, min_steps: 0}}
"""


@pytest.fixture
def example(tmp_path) -> list[str]:
    """Write the files that the example asks for; returns the arguments of its Snakemake call."""
    section = (REPOSITORY / "README.md").read_text().split(HEADING)[1].split("\n## ")[0]
    blocks = dict(BLOCK.findall(section))
    mine = tmp_path / "mine"
    (mine / "my_data").mkdir(parents=True)
    (mine / "my_species.tsv").write_text(blocks["tsv"])
    (mine / "mine.yaml").write_text(blocks["yaml"])
    (mine / "shorter.yaml").write_text(SHORTER)
    draw = random.Random(1)
    with gzip.open(mine / "my_genome.fa.gz", "wt") as genome:
        genome.write(f">chr1\n{''.join(draw.choices('ACGT', k=1_000_000))}\n")
    for split, rows in (("train", 256), ("dev", 32), ("test", 64)):
        lines = ["sequence,label"]
        for number in range(rows):
            lines.append(f"{''.join(draw.choices('ACGT', k=60))}{'TATAAA' * 3 * (number % 2)},{number % 2}")
        (mine / "my_data" / f"{split}.csv").write_text("\n".join(lines) + "\n")
    call = re.search(r"^snakemake (.+)$", blocks["bash"], re.M)[1].split()
    places = {"mine": mine, "mine/mine.yaml": mine / "mine.yaml"}
    return [*(str(places.get(word, word)) for word in call), str(mine / "shorter.yaml"), "--cores", "1"]


@pytest.mark.slow
def test_the_example_makes_the_table_and_the_page(example, tmp_path):
    output = snakemake(*example).stdout
    results = tmp_path / "mine/results"
    assert "maybe none" not in output, "validation chunks are certain"
    rows = {row["model"]: row for row in read_table(results / "report/gue_results.tsv")}
    assert set(rows) == {"dnabert2", "dnabert2_random", "kmer_regression"}
    assert all((row["task"], row["dataset"], row["missing"]) == ("my_task", "my_set", "") for row in rows.values())
    assert float(rows["kmer_regression"]["mean"]) > 50
    summary = read_json(results / "pretrain/dnabert2/summary.json")
    assert summary["mask_loss"] > 0 and summary["hardware"].endswith("CPU")
    assert "my_set" in (results / "report/index.html").read_text()
    assert "| train |" in (results / "gue/my_task/my_set/README.md").read_text()
    assert job_counts(snakemake(*example, "-n").stdout) == {}
