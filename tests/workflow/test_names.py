"""Names and paths are data: whatever they hold, nothing of it is run, and what cannot be a name is refused."""

import random

import pytest
import yaml

from tests.workflow.harness import AWKWARD, clone, job_counts, snakemake
from workflow_scripts.common.files import read_json, read_table

pytestmark = pytest.mark.slow
TRAP = "raise SystemExit('a file of the working directory was executed')\n"


def letters(count: int) -> str:
    return "".join(random.Random(count).choices("ACGT", k=count))


@pytest.fixture
def place(tmp_path):
    """A folder of an awkward name with a genome, a data set and a species table of such names."""
    place = tmp_path / AWKWARD
    data = place / "fly; touch executed"
    data.mkdir(parents=True)
    for split in ("train", "dev", "test"):
        rows = [f"{letters(40 + number)},{number % 2}" for number in range(20)]
        (data / f"{split}.csv").write_text("\n".join(["sequence,label", *rows]) + "\n")
    genome = place / "own 'genome' $(touch executed).fa"
    genome.write_text(f">chr1\n{letters(9000)}\n")
    table = place / "my species; touch executed.tsv"
    table.write_text(f"accession\torganism\tgroup\turl\nmine\tAus bus; touch executed\tviral\t{genome}\n")
    settings = {
        "genomes": {"corpus": str(table), "chunk": {"length": 300}},
        "tokenizer": {"base": {"kind": "nucleotide", "k": 1}},
        "gue": {"custom": {"enhancers/fly": {"folder": str(data)}}, "datasets": ["enhancers/*"]},
    }
    (place / "mine; touch executed.yaml").write_text(yaml.safe_dump(settings))
    for module in ("json", "select", "csv", "workflow_scripts"):
        (place / f"{module}.py").write_text(TRAP)
    return place


def test_awkward_paths_of_data_and_working_directory_are_only_paths(place):
    targets = ["genomes", "gue", "results/tokenizer/base/tokenizer.json"]
    options = ["--cores", "1", "--directory", place, "--configfile", place / "mine; touch executed.yaml"]
    snakemake(*targets, *options)
    (row,) = read_table(place / "results/genomes/corpus.tsv")
    assert (row["accession"], row["organism"], row["bases"]) == ("mine", "Aus bus; touch executed", "9000")
    assert read_json(place / "results/gue/enhancers/fly/datasheet.json")["candidates"] == 60
    assert read_json(place / "results/tokenizer/base/stats.json")["sample_bases"] == 9000
    assert not list(place.rglob("executed"))
    assert job_counts(snakemake(*targets, *options, "-n").stdout) == {}


def test_a_clone_in_an_awkward_place_runs_to_its_end(finished):
    """The run that these tests share lies in such a folder."""
    assert finished.name == AWKWARD
    assert (finished / "results/report/index.html").is_file()
    assert not list(finished.parent.rglob("executed"))


def test_rows_that_cannot_name_files_stop_the_run(tmp_path):
    rows = {
        "a b\tAus\tviral\tx.fa": "accession: 'a b' must begin with a letter or digit",
        "a;touch executed\tAus\tviral\tx.fa": "accession: 'a;touch executed' must begin with a letter or digit",
        "-a\tAus\tviral\tx.fa": "accession: '-a' must begin with a letter or digit",
        "../a\tAus\tviral\tx.fa": "accession: '../a' must begin with a letter or digit",
        "a\tAus\tviral\t-x.fa": "url: '-x.fa' must hold no braces and begin with no dash (write ./-name)",
        "b\tAus\tviral\t{input}.fa": "url: '{input}.fa' must hold no braces and begin with no dash",
    }
    table = tmp_path / "species.tsv"
    table.write_text("\n".join(["accession\torganism\tgroup\turl", *rows]) + "\n")
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"genomes": {"corpus": str(table)}}))
    done = snakemake("genomes", "-n", "--directory", tmp_path, "--configfile", tmp_path / "mine.yaml", check=False)
    assert done.returncode != 0 and "Traceback" not in done.stdout
    for number, told in enumerate(rows.values(), start=2):
        assert f"{table}:{number} {told}" in done.stdout
    assert not (tmp_path / "results").exists()


def test_a_repository_in_a_folder_with_braces_is_refused(tmp_path):
    """Snakemake itself fills in what is in braces."""
    root = clone(tmp_path / "{x}")
    done = snakemake("-n", cwd=root, check=False)
    assert done.returncode != 0 and "Traceback" not in done.stdout
    assert f"{root}: Snakemake fills in what is in braces; move the repository" in done.stdout
