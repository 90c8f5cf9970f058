"""Real genomes: chunk counts agree with the bases and N in an independent manifest."""

import csv
import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.real.marks import NEEDS_REAL_DATA
from workflow_scripts.common.files import read_json, write_json, write_table
from workflow_scripts.genomes import keep_chunks, select_chunks
from workflow_scripts.genomes.accounting import DROPPED
from workflow_scripts.genomes.chunk_genome import Cut, cut_genome
from workflow_scripts.genomes.contigs import read_fasta, replicon

pytestmark = NEEDS_REAL_DATA
CUT = Cut(length=1000, min_contig=0, seed=42, validation_fraction=0.05, validation_block=20)
REPEATED_NAMES = {"chicken_galGal3_axt_blocks": 2}  # blocks of an alignment, two of which occur twice


@pytest.fixture(scope="module")
def manifest():
    folder = Path(os.environ["REAL_DATA"]) / "genomes"
    with (folder / "manifest.tsv").open() as handle:
        return [row | {"path": folder / row["file"]} for row in csv.DictReader(handle, delimiter="\t")]


@pytest.mark.parametrize("overlap", [0, 200])
def test_bases_and_n_of_every_genome(manifest, tmp_path, overlap):
    assert len(manifest) > 1
    cut = CUT if not overlap else Cut(6200, 0, 42, 0.05, 20, overlap, 0.5, (), "reverse_complement")
    for row in manifest:
        counts = cut_genome(row["path"], row["id"], cut, tmp_path / "g.parquet")
        found = (counts["contigs"], counts["bases"], counts["dropped_N"])
        assert found == (int(row["n_records"]), int(row["bp"]), int(row["n_N"])), row["id"]
        assert counts["bases"] == counts["kept_bases"] + sum(counts[reason] for reason in DROPPED)
        assert counts["renamed_contigs"] == REPEATED_NAMES.get(row["id"], 0)
        assert pq.ParquetFile(tmp_path / "g.parquet").metadata.num_rows == counts["chunks"]


def test_soft_masked_share_of_every_genome(manifest):
    for row in manifest:
        lower = bases = 0
        for contig in read_fasta(row["path"]):
            letters = np.frombuffer(contig.sequence, np.uint8)
            lower += int(np.count_nonzero(letters >= ord("a")))
            bases += len(letters)
        assert lower / bases == pytest.approx(float(row["lowercase_frac"]), abs=6e-5), row["id"]


def test_plasmids_are_small_replicons_of_bacteria(manifest):
    found = {}
    for row in manifest:
        for contig in read_fasta(row["path"]):
            if replicon(contig.description) == "plasmid":
                found[contig.name] = (row["group"], len(contig.sequence))
    assert len(found) > 5
    assert {group for group, _ in found.values()} == {"bacteria"}
    assert found["NC_003277.2"] == ("bacteria", 93_933)  # pSLT of Salmonella
    assert max(size for _, size in found.values()) < 400_000


@pytest.mark.parametrize("name", ["GCF_000742135.1", "gerp_Diceros_bicornis", "c_elegans_III_1Mb"])
@pytest.mark.parametrize("overlap", [0, 200])
def test_chunks_have_the_bases_at_their_position(manifest, tmp_path, name, overlap):
    (path,) = [row["path"] for row in manifest if row["id"] == name]
    cut_genome(path, name, Cut(1000, 0, 42, 0.05, 20, overlap), tmp_path / "g.parquet")
    contigs = {contig.name: contig.sequence for contig in read_fasta(path)}
    for row in pq.read_table(tmp_path / "g.parquet").to_pylist():
        expected = contigs[row["contig"]][row["start"] : row["end"]].decode()
        assert row["sequence"] == expected.upper()
        assert row["soft_masked"] == pytest.approx(sum(map(str.islower, expected)) / 1000)


def test_a_virus_with_two_accessions_is_kept_once(manifest, tmp_path):
    first, second = names = ["sars_cov_2_NC_045512", "sars_cov_2_MN908947"]
    rows = {row["id"]: row for row in manifest if row["id"] in names}
    cut = Cut(300, 0, 42, 0.05, 20, duplicates="reverse_complement")
    for name in names:
        write_json(tmp_path / f"{name}.json", cut_genome(rows[name]["path"], name, cut, tmp_path / f"{name}.parquet"))
    species = [{"accession": name, "organism": "SARS-CoV-2", "group": "viral"} for name in names]
    write_table(tmp_path / "species.tsv", species, ["accession", "organism", "group"])
    command = ["--species", tmp_path / "species.tsv", "--windows", tmp_path, "--seed", 1, "--out", tmp_path]
    assert select_chunks.main([str(part) for part in command]) == 0
    counts = {}
    for name in names:
        files = {"windows": ".parquet", "choice": ".npy", "counts": ".json", "chunks": ".out", "new-counts": ".new"}
        assert keep_chunks.main([f"--{option}={tmp_path / name}{end}" for option, end in files.items()]) == 0
        counts[name] = read_json(tmp_path / f"{name}.new")
    assert (counts[first]["chunks"], counts[first]["dropped_duplicate"]) == (99, 0)
    assert (counts[second]["chunks"], counts[second]["dropped_duplicate"]) == (0, 99 * 300)
