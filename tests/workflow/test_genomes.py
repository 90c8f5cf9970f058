"""The genomes stage under Snakemake: kinds of rows, choices over the whole corpus, the lock, the cap on downloads."""

import gzip
import hashlib
import os
import threading
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from tests.server import Server
from tests.workflow.harness import REPOSITORY, clone, job_counts, snakemake
from tests.workflow.mirror_files import fasta, letters, publish
from workflow_scripts.common.addresses import NCBI
from workflow_scripts.common.files import read_json, read_table

pytestmark = pytest.mark.slow
DROPPED = ("N", "other", "short_contig", "organelle", "plasmid", "tail", "repeat", "border", "duplicate", "cap")
SUMMARY = ["assembly_accession", "refseq_category", "taxid", "organism_name", "version_status", "assembly_level"]
SUMMARY += ["seq_rel_date", "asm_name", "ftp_path", "excluded_from_refseq", "genome_size"]


def reverse_complement(sequence: str) -> str:
    return sequence[::-1].translate(str.maketrans("ACGT", "TGCA"))


def make_world(folder: Path) -> Path:
    """A mirror with three assemblies, a FASTA file of one's own, and a table that names them in four ways."""
    mirror = folder / "mirror"
    shared = letters(1, 3000)
    bacterium = fasta(
        ("NC_1.1 Aus bus, complete genome", shared + letters(2, 4500) + "NNNNRY"),
        ("NC_2.1 Aus bus plasmid pX, complete sequence", letters(3, 2000)),
    )
    url = publish(mirror, "GCF_000000001.1", bacterium)
    # at the phase of its windows, which begin every 400 bases
    publish(mirror, "GCF_000000002.1", fasta(("NC_3.1 Cus dus", letters(4, 2000) + reverse_complement(shared[:2900]))))
    third = publish(mirror, "GCF_000000003.1", fasta(("NC_4.1 Eus fus", letters(5, 40_500))))
    own = folder / "own.fa"
    own.write_bytes(fasta(("chr1", letters(6, 9000)), ("chr1", letters(7, 1500)), ("chr2", letters(10, 900).lower())))
    rows = [
        ["accession", "organism", "group", "genus", "url"],
        ["GCF_000000001.1", "Aus bus", "bacteria", "Aus", url],
        ["GCF_000000002.1", "Cus dus", "bacteria", "Cus", ""],  # found by its accession
        ["GCF_000000003.1", "Eus fus", "fungi", "Eus", f"{third}_renamed"],  # not there: found beside it
        ["mine", "Gus hus", "protozoa", "Gus", str(own)],
        ["", "Ius kus", "fungi", "Ius", ""],  # waits for a lock
    ]
    table = folder / "table.tsv"
    table.write_text("".join("\t".join(row) + "\n" for row in rows))
    settings = {
        "corpus": str(table),
        "mirror": str(mirror),
        "exclude": ["plasmid"],
        "chunk": {"length": 500, "overlap": 100, "min_contig": 600, "max_soft_masked": 0.5},
        "duplicates": "reverse_complement",
        "max_group_bases": {"fungi": 20_000},
        "validation": {"fraction": 0.0, "block": 4, "genomes": ["mine"]},
    }
    (folder / "mine.yaml").write_text(yaml.safe_dump({"genomes": settings}))
    return folder


@pytest.fixture
def world(tmp_path) -> Path:
    """A world that the test may change."""
    return make_world(tmp_path)


@pytest.fixture(scope="module")
def finished_world(tmp_path_factory) -> Path:
    """A world in which the stage has run, with its output in a file; the tests leave it as it is."""
    world = make_world(tmp_path_factory.mktemp("world"))
    (world / "output.txt").write_text(run(world, "genomes", "--cores", "2"))
    return world


def run(world: Path, *arguments: str, out: str = "out") -> str:
    (world / out).mkdir(exist_ok=True)
    options = ["--directory", world / out, "--configfile", world / "mine.yaml"]
    return snakemake(*arguments, *options).stdout


def corpus(world: Path, out: str = "out") -> dict[str, dict[str, str]]:
    return {row["accession"]: row for row in read_table(world / out / "results/genomes/corpus.tsv")}


def test_every_kind_of_row_and_every_choice(finished_world):
    world = finished_world
    assert "1 of 5 species have no assembly" in (world / "output.txt").read_text()
    rows = corpus(world)
    assert list(rows) == ["GCF_000000001.1", "GCF_000000002.1", "GCF_000000003.1", "mine"]
    for row in rows.values():
        assert int(row["bases"]) == int(row["kept_bases"]) + sum(int(row[f"dropped_{reason}"]) for reason in DROPPED)
        assert int(row["chunks"]) == int(row["train_chunks"]) + int(row["validation_chunks"]) > 0
    first, second, third, mine = rows.values()
    assert (first["dropped_plasmid"], first["dropped_N"], first["dropped_other"]) == ("2000", "4", "2")
    # windows [0, 500), [400, 900) ... of the shared 2,900 bases: seven that read the same on the other strand
    assert int(second["dropped_duplicate"]) == 2900 - 100
    assert int(mine["dropped_repeat"]) == 900
    assert int(third["chunks"]) * 500 <= 20_000 and int(third["dropped_cap"]) > 0
    assert int(mine["validation_chunks"]) == int(mine["chunks"]) and mine["renamed_contigs"] == "1"
    record = read_json(world / "out/results/genomes/fasta/mine.json")
    assert record["md5"] == hashlib.md5((world / "own.fa").read_bytes()).hexdigest()
    assert not list((world / "out/results/genomes").rglob("*.fna.gz")), "temporary"
    assert job_counts(run(world, "genomes", "--cores", "1", "-n")) == {}


def change(world: Path, **settings) -> None:
    """Lay other settings of the genomes over the world's."""
    before = yaml.safe_load((world / "mine.yaml").read_text())["genomes"]
    (world / "mine.yaml").write_text(yaml.safe_dump({"genomes": before | settings}))


def test_another_choice_and_remarks_in_the_table_download_nothing(world):
    run(world, "genomes", "--cores", "2")
    table = world / "table.tsv"
    table.write_text("# a remark\n" + table.read_text().replace("Gus hus", "Gus novus"))
    assert job_counts(run(world, "genomes", "--cores", "1", "-n")) == {"summarize_corpus": 1, "genomes": 1}
    change(world, max_group_bases={"fungi": 15_000})
    choice = {"select_chunks": 1, "keep_chunks": 4, "summarize_corpus": 1, "genomes": 1}
    assert job_counts(run(world, "genomes", "--cores", "1", "-n")) == choice


def test_a_touched_genome_is_left_alone_and_a_changed_one_is_not(world):
    without_choice(world)
    own = world / "own.fa"
    own.write_bytes(fasta(("chr1", letters(6, 1_200_000))))  # above the size up to which Snakemake looks at the bytes
    run(world, "genomes", "--cores", "2")
    later = time.time() + 10
    os.utime(own, (later, later))
    assert job_counts(run(world, "genomes", "--cores", "1", "-n")) == {}
    own.write_bytes(fasta(("chr1", letters(6, 1_100_000))))
    changed = {"download_genome": 1, "chunk_genome": 1, "summarize_corpus": 1, "genomes": 1}
    assert job_counts(run(world, "genomes", "--cores", "1", "-n")) == changed


def test_another_clone_over_the_same_results_has_nothing_to_do(finished_world, tmp_path):
    other = clone(tmp_path / "deep" / "other")
    options = ["--directory", finished_world / "out", "--configfile", finished_world / "mine.yaml"]
    assert job_counts(snakemake("genomes", "--cores", "1", "-n", *options, cwd=other).stdout) == {}


def test_chunks_are_the_same_bytes_in_any_order_of_jobs(finished_world, monkeypatch):
    world = finished_world
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("LC_ALL", "C")
    accessions = list(corpus(world))
    downloads = [f"results/genomes/fasta/{accession}.json" for accession in reversed(accessions)]
    run(world, *downloads, "--cores", "1", "--notemp", out="other")
    run(world, "genomes", "--cores", "1", out="other")
    for accession in accessions:
        for suffix in ("parquet", "json"):
            path = f"results/genomes/chunks/{accession}.{suffix}"
            assert (world / "out" / path).read_bytes() == (world / "other" / path).read_bytes(), path


def test_chunks_come_from_where_they_say(finished_world):
    world = finished_world
    contigs = {}
    for block in gzip.decompress(next((world / "mirror").rglob("GCF_000000001*.fna.gz")).read_bytes()).split(b">")[1:]:
        header, _, sequence = block.partition(b"\n")
        contigs[header.split()[0].decode()] = sequence.replace(b"\n", b"").decode()
    path = world / "out/results/genomes/chunks/GCF_000000001.1.parquet"
    assert pq.read_schema(path).metadata[b"accession"] == b"GCF_000000001.1"
    chunks = pq.read_table(path).to_pylist()
    assert chunks and all(
        chunk["sequence"] == contigs[chunk["contig"]][chunk["start"] : chunk["end"]] for chunk in chunks
    )


def publish_summary(mirror: Path) -> None:
    """NCBI's tables: the first assembly has a successor, and the species that waited has an assembly."""
    new = publish(mirror, "GCF_000000001.2", fasta(("NC_1.2 Aus bus, complete genome", letters(8, 6000))))
    found = publish(mirror, "GCF_000000009.1", fasta(("NC_9.1 Ius kus", letters(9, 3000))))
    second, third = (next(mirror.rglob(f"{accession}_*")) for accession in ("GCF_000000002.1", "GCF_000000003.1"))
    tables = {
        "bacteria": [("GCF_000000001.2", "Aus bus", new), ("GCF_000000002.1", "Cus dus", second)],
        "fungi": [("GCF_000000003.1", "Eus fus", third), ("GCF_000000009.1", "Ius kus", found)],
    }
    for group, assemblies in tables.items():
        lines = ["##  See README_assembly_summary.txt", "#" + "\t".join(SUMMARY)]
        for accession, organism, folder in assemblies:
            address = str(folder).replace(str(mirror), NCBI)
            values = [accession, "na", "1", organism, "latest", "Contig", "2020/01/01", address.split("_")[-1], address]
            lines.append("\t".join([*values, "na", "5000"]))
        path = mirror / f"genomes/refseq/{group}/assembly_summary.txt"
        path.parent.mkdir(parents=True)
        path.write_text("\n".join(lines) + "\n")


def without_choice(world: Path) -> None:
    """Leave out the choice over the whole corpus, which would be made anew for every change of the table."""
    change(world, duplicates="keep", max_group_bases={})


def test_the_run_uses_the_lock_and_only_what_it_changed_runs_again(world):
    without_choice(world)
    run(world, "genomes", "--cores", "2")
    publish_summary(world / "mirror")
    run(world, "lock_species", "--cores", "1")
    lock = {row["requested"]: row for row in read_table(world / "table.lock.tsv")}
    assert {name: row["status"] for name, row in lock.items()} == {
        "GCF_000000001.1": "replaced",
        "GCF_000000002.1": "current",
        "GCF_000000003.1": "current",
        "mine": "local",
        "Ius kus": "current",
    }
    # the successor and the one that waited; not the two whose addresses were wrong or empty in the table
    changed = {"download_genome": 2, "chunk_genome": 2, "summarize_corpus": 1, "genomes": 1}
    assert job_counts(run(world, "genomes", "--cores", "1", "-n")) == changed
    run(world, "genomes", "--cores", "2")
    rows = corpus(world)
    assert [row["status"] for row in rows.values()] == ["replaced", "current", "current", "local", "current"]
    for row in lock.values():
        if row["status"] != "local":
            record = read_json(world / f"out/results/genomes/fasta/{row['accession']}.json")
            assert record["md5"] == row["md5"] == rows[row["accession"]]["md5"]
            assert (record["md5_source"] == "lock or table") == (row["requested"] in ("GCF_000000001.1", "Ius kus"))
    assert "0 rows differ" in run(world, "lock_species", "--cores", "1")
    assert job_counts(run(world, "genomes", "--cores", "1", "-n")) == {}


def test_a_lock_of_the_same_addresses_downloads_nothing_again(world):
    without_choice(world)
    publish_summary(world / "mirror")
    run(world, "lock_species", "--cores", "1")
    lock = world / "table.lock.tsv"
    locked = read_table(lock)
    lock.unlink()
    columns = ["accession", "organism", "group", "genus", "url"]
    rows = [[row[column] for column in columns] for row in locked]
    (world / "table.tsv").write_text("".join("\t".join(row) + "\n" for row in [columns, *rows]))
    run(world, "genomes", "--cores", "2")
    run(world, "lock_species", "--cores", "1")
    assert all(row["md5"] for row in read_table(lock) if row["status"] != "local")
    counts = job_counts(run(world, "genomes", "--cores", "1", "-n"))
    assert counts == {"summarize_corpus": 1, "genomes": 1}


def slow_and_counted(counts: dict[str, int], lock: threading.Lock):
    """A fault that serves well but slowly, and notes how many do so at a time."""

    def fault(handler) -> None:
        with lock:
            counts["now"] += 1
            counts["most"] = max(counts["most"], counts["now"])
        time.sleep(0.3)
        status, headers, body = handler.found()
        handler.head(status, headers)
        with lock:
            counts["now"] -= 1
        handler.send(body)

    return fault


@pytest.mark.parametrize(("options", "cap"), [([], 4), (["--resources", "downloads=2"], 2)])
def test_no_more_downloads_at_a_time_than_the_cap_allows(tmp_path, options, cap):
    counts, lock = {"now": 0, "most": 0}, threading.Lock()
    with Server() as server:
        rows = ["accession\torganism\tgroup\turl"]
        for number in range(8):
            path = f"/g{number}.fa.gz"
            server.files[path] = gzip.compress(fasta(("c", letters(number, 2000))), mtime=0)
            server.faults[path] = iter([slow_and_counted(counts, lock)] * 9)
            rows.append(f"g{number}\tGenome {number}\tviral\t{server.url}{path}")
        (tmp_path / "table.tsv").write_text("\n".join(rows) + "\n")
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"genomes": {"corpus": str(tmp_path / "table.tsv")}}))
        records = [f"results/genomes/fasta/g{number}.json" for number in range(8)]
        arguments = [
            *records,
            "--cores",
            "8",
            *options,
            "--directory",
            tmp_path,
            "--configfile",
            tmp_path / "mine.yaml",
        ]
        snakemake(*arguments)
    assert 2 <= counts["most"] <= cap


def test_slurm_sees_hundreds_of_jobs_not_thousands(tmp_path):
    """683 of the 850 genomes are small: 69 groups of at most 10; each of the other 167 is a job with its download."""
    sizes = [int(row["genome_size_bp"] or 3e9) for row in read_table(REPOSITORY / "config/species_850.tsv")]
    small = sum(size < 20_000_000 for size in sizes)
    output = snakemake("--profile", "slurm", "-n", "genomes", "--quiet", "host", "--directory", tmp_path).stdout
    assert output.count("Group job") == -(-small // 10) + len(sizes) - small < 240
