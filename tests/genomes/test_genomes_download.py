"""An assembly is fetched from its folder, and verified against the md5 published there."""

import gzip
import hashlib
import json

import pytest

from workflow_scripts.common.addresses import folder_address
from workflow_scripts.genomes.download import find_md5, main

ACCESSION = "GCF_000006945.2"
BASE = f"{ACCESSION}_ASM694v2"
PLACE = f"genomes/all/GCF/000/006/945/{BASE}"
GENOME = gzip.compress(b">NC_003197.2\n" + b"ACGTTGCA" * 4000, mtime=0)


def mirror(tmp_path, genome=GENOME, md5=None):
    """A folder as NCBI serves it, with the look-alikes of the genomic FASTA listed before it."""
    folder = tmp_path / "mirror" / PLACE
    folder.mkdir(parents=True)
    (folder / f"{BASE}_genomic.fna.gz").write_bytes(genome)
    lines = [
        f"{'1' * 32}  ./{BASE}_cds_from_genomic.fna.gz",
        f"{'2' * 32}  ./{BASE}_rna_from_genomic.fna.gz",
        f"{'3' * 32}  ./{BASE}_assembly_structure/Primary_Assembly/x.fna.gz",
        f"{md5 or hashlib.md5(genome).hexdigest()}  ./{BASE}_genomic.fna.gz",
        f"{'4' * 32}  ./{BASE}_genomic.gff.gz",
    ]
    (folder / "md5checksums.txt").write_text("\n".join(lines) + "\n")
    return folder


def run(tmp_path, url, *more):
    out = ["--fasta", str(tmp_path / "out" / "g.fna.gz"), "--out", str(tmp_path / "out" / "g.json")]
    return main(["--accession", ACCESSION, "--url", url, *out, *more])


def assert_refused(tmp_path, capsys, message):
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert line.startswith("error: ")
    assert message in line
    out = tmp_path / "out"
    assert not out.exists() or list(out.iterdir()) == []


@pytest.mark.parametrize("as_uri", [True, False])
def test_from_a_mirror_in_ncbis_place(tmp_path, as_uri):
    mirror(tmp_path)
    place = tmp_path / "mirror"
    place = place.as_uri() if as_uri else str(place)
    assert run(tmp_path, f"https://ftp.ncbi.nlm.nih.gov/{PLACE}/", "--mirror", place) == 0
    assert (tmp_path / "out" / "g.fna.gz").read_bytes() == GENOME
    assert json.loads((tmp_path / "out" / "g.json").read_text()) == {
        "accession": ACCESSION,
        "url": f"{place}/{PLACE}/{BASE}_genomic.fna.gz",
        "bytes": len(GENOME),
        "md5": hashlib.md5(GENOME).hexdigest(),
        "sha256": hashlib.sha256(GENOME).hexdigest(),
    }


def test_from_a_relative_folder_twice_gives_the_same_bytes(tmp_path, monkeypatch):
    mirror(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert run(tmp_path, f"mirror/{PLACE}") == 0
    first = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert run(tmp_path, f"mirror/{PLACE}") == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == first


def test_wrong_md5(tmp_path, capsys):
    folder = mirror(tmp_path, md5="a" * 32)
    assert run(tmp_path, str(folder)) == 1
    assert_refused(tmp_path, capsys, "a" * 32)


def test_genome_that_is_not_listed(tmp_path, capsys):
    folder = mirror(tmp_path)
    lines = (folder / "md5checksums.txt").read_text().splitlines()
    (folder / "md5checksums.txt").write_text("\n".join(line for line in lines if "_from_" in line))
    assert run(tmp_path, str(folder)) == 1
    assert_refused(tmp_path, capsys, "not listed")


@pytest.mark.parametrize(
    ("genome", "message"),
    [
        (GENOME[:-20], "damaged or truncated"),
        (gzip.compress(b"ACGT\n"), "not a FASTA file"),
        (gzip.compress(b""), "not a FASTA file"),
        (b">NC_003197.2\nACGT\n", "not a gzip file"),
    ],
)
def test_what_the_md5_vouches_for_must_still_be_a_gzipped_fasta(tmp_path, capsys, genome, message):
    folder = mirror(tmp_path, genome)
    assert run(tmp_path, str(folder)) == 1
    assert_refused(tmp_path, capsys, message)


def test_folder_of_another_genome(tmp_path, capsys):
    assert run(tmp_path, "https://ftp.ncbi.nlm.nih.gov/genomes/all/GCF_000006945.1_ASM694v1") == 1
    assert_refused(tmp_path, capsys, f"not the folder of {ACCESSION}")


@pytest.mark.parametrize(
    ("url", "mirror", "expected"),
    [
        ("https://ftp.ncbi.nlm.nih.gov/genomes/x/", None, "https://ftp.ncbi.nlm.nih.gov/genomes/x"),
        ("ftp://ftp.ncbi.nlm.nih.gov/genomes/x", None, "https://ftp.ncbi.nlm.nih.gov/genomes/x"),
        ("https://ftp.ncbi.nlm.nih.gov/genomes/x", "file:///lab/", "file:///lab/genomes/x"),
        ("https://ftp.ncbi.nlm.nih.gov/genomes/x", "lab", "lab/genomes/x"),
        ("https://elsewhere.org/genomes/x", "lab", "https://elsewhere.org/genomes/x"),
        ("results/demo/x", "lab", "results/demo/x"),
    ],
)
def test_folder_address(url, mirror, expected):
    assert folder_address(url, mirror) == expected


def test_find_md5_reads_the_usual_spellings():
    digest = "0123456789abcdef" * 2
    for line in (f"{digest}  ./a.gz", f"{digest.upper()} *a.gz", f"{digest}\ta.gz\r"):
        assert find_md5(f"other\n{line}\n", "a.gz") == digest
    assert find_md5(f"{digest}  ./sub/a.gz\n{digest}  ./b_a.gz\n{digest[:-1]}  ./a.gz\n", "a.gz") is None
