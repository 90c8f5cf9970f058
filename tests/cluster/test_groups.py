"""Small genomes that share a job: what befalls the job, or one of them, costs the others nothing."""

import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.conftest import Workflow
from tests.cluster.slurm import wait_for
from tests.workflow.harness import snakemake

pytestmark = pytest.mark.slow
GENOMES = ("one", "two", "three", "four")


@pytest.fixture
def genomes(workflow) -> Callable[[str], Workflow]:
    """Makes a working directory with four small genomes."""

    def genomes(name: str) -> Workflow:
        run = workflow(name)
        for number, accession in enumerate(GENOMES):
            letters = "".join(random.Random(number).choices("ACGT", k=20_000))
            (run.root / f"{accession}.fa").write_text(f">chr1\n{letters}\n")
        (run.root / "mine.yaml").write_text("genomes: {corpus: species.tsv}\n")
        write_table(run.root)
        return run

    return genomes


def write_table(root: Path, wrong: str = "") -> None:
    """Write the species table; one genome may have a wrong checksum."""
    rows = ["accession\torganism\tgroup\turl\tmd5\tgenome_size_bp"]
    for name in GENOMES:
        md5 = hashlib.md5((root / f"{name}.fa").read_bytes()).hexdigest() if name != wrong else "0" * 32
        rows.append(f"{name}\tAus bus\tbacteria\t{name}.fa\t{md5}\t20000")
    (root / "species.tsv").write_text("\n".join(rows) + "\n")


def options(run: Workflow) -> list[str]:
    return ["genomes", "--configfile", str(run.root / "mine.yaml")]


def chunks(run: Workflow) -> dict[str, Path]:
    return {path.stem: path for path in (run.results / "genomes/chunks").glob("*.parquet")}


def test_a_bad_genome_stops_no_other_of_its_group(genomes):
    run = genomes("bad")
    write_table(run.root, wrong="two")
    run.start(*options(run), "--retries", "0")
    assert run.process.wait(timeout=1200) == 1
    assert [job["State"] for job in run.jobs()] == [job["State"] for job in run.jobs("small_genomes")] == ["FAILED"]
    assert chunks(run).keys() == {"one", "three", "four"}
    told = {line for line in run.log.read_text().splitlines() if line.startswith("failed: ")}
    assert len(told) == 1 and "download_genome: two.fa: md5 is " in told.pop()
    written = {name: path.stat().st_mtime_ns for name, path in chunks(run).items()}

    write_table(run.root)
    run.start(*options(run))
    run.finish(minutes=20)
    assert [job["State"] for job in run.jobs()] == ["FAILED", "COMPLETED", "COMPLETED"]
    assert {name: chunks(run)[name].stat().st_mtime_ns for name in written} == written
    assert len((run.results / "genomes/corpus.tsv").read_text().splitlines()) == 1 + len(GENOMES)


def test_a_group_whose_node_is_lost_runs_on_another_and_gives_the_same_bytes(genomes):
    alone, run = genomes("alone"), genomes("lost")
    snakemake(*options(alone), "--cores", "1", "--directory", str(alone.root))
    run.start(*options(run))
    (job,) = wait_for("job", lambda: [job for job in run.jobs() if job["State"] == "RUNNING"])
    run.slurm.cut_power(job["NodeList"])
    wait_for("other node", lambda: run.jobs()[-1]["NodeList"] not in (job["NodeList"], "None assigned"))
    run.slurm.start_node(job["NodeList"])
    run.finish(minutes=20)
    first, again, _ = run.jobs()
    assert first["JobIDRaw"] == again["JobIDRaw"] and first["End"] <= again["Start"]
    files = [path.relative_to(alone.results) for path in (alone.results / "genomes").rglob("*") if path.is_file()]
    assert len(files) == 1 + 3 * len(GENOMES)
    assert all((run.results / file).read_bytes() == (alone.results / file).read_bytes() for file in files)
