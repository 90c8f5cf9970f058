"""A genome is fetched from its folder, even if that was moved, or from a FASTA file, and verified."""

import gzip
import hashlib
import json
import random
from itertools import chain, repeat
from types import SimpleNamespace

import pytest

from tests.server import Server, answer, cut
from workflow_scripts.common import http_retry
from workflow_scripts.common.addresses import NCBI, folder_address
from workflow_scripts.genomes.download_genome import find_md5, main

ACCESSION = "GCF_000006945.2"
BASE = f"{ACCESSION}_ASM694v2"
PARENT = "genomes/all/GCF/000/006/945"
PLACE = f"{PARENT}/{BASE}"
# larger than any buffer
PLAIN = b">NC_003197.2 Salmonella\n" + random.Random(0).randbytes(3_000_000).translate(b"ACGT" * 64) + b"\n"
GENOME = gzip.compress(PLAIN, 1, mtime=0)
LISTING = """<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">
<html><body><h1>Index of /{parent}</h1><pre><a href="?C=N;O=D">Name</a>
<a href="/genomes/all/GCF/000/006/">Parent Directory</a>
{entries}</pre></body></html>
"""


def md5_of(data):
    return hashlib.md5(data).hexdigest()


def write_folder(root, place=PLACE, genome=GENOME, md5=None):
    """A folder as at NCBI; files with similar names are listed before the genomic FASTA."""
    folder = root / place
    folder.mkdir(parents=True)
    (folder / f"{folder.name}_genomic.fna.gz").write_bytes(genome)
    lines = [
        f"{'1' * 32}  ./{folder.name}_cds_from_genomic.fna.gz",
        f"{'2' * 32}  ./{folder.name}_rna_from_genomic.fna.gz",
        f"{'3' * 32}  ./{folder.name}_assembly_structure/Primary_Assembly/x.fna.gz",
        f"{md5 or md5_of(genome)}  ./{folder.name}_genomic.fna.gz",
        f"{'4' * 32}  ./{folder.name}_genomic.gff.gz",
    ]
    (folder / "md5checksums.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def mirror(tmp_path):
    return tmp_path / "mirror"


@pytest.fixture
def server(monkeypatch):
    """A server of files; pauses between attempts are not made."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(http_retry, "time", SimpleNamespace(sleep=lambda _: None))
    with Server() as server:
        yield server


def locked(tmp_path, md5, accession=ACCESSION):
    """The option for a lock with this md5."""
    lock = tmp_path / "lock.tsv"
    lock.write_text(f"accession\torganism\tmd5\nGCF_1.1\tother\t{'9' * 32}\n{accession}\tSalmonella\t{md5}\n")
    return ["--md5-from", str(lock)]


def publish(server, mirror):
    """Serve the files of a local mirror, and listings of its folders in the format of Apache."""
    for path in [mirror, *mirror.rglob("*")]:
        place = "/" + path.relative_to(mirror).as_posix().lstrip(".")
        if path.is_file():
            server.files[place] = path.read_bytes()
        else:
            links = [f'<a href="{entry.name}{"/" * entry.is_dir()}">{entry.name}</a>' for entry in path.iterdir()]
            listing = LISTING.format(parent=place, entries="\n".join(links))
            server.files[place.rstrip("/") + "/"] = listing.encode()


def run(tmp_path, *more):
    out = ["--fasta", str(tmp_path / "out" / "g.fna.gz"), "--out", str(tmp_path / "out" / "g.json")]
    return main(["--accession", ACCESSION, *out, *more])


def arrived(tmp_path):
    """The genome and the record, which must be the only files."""
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == ["g.fna.gz", "g.json"]
    return (out / "g.fna.gz").read_bytes(), json.loads((out / "g.json").read_text())


def assert_refused(tmp_path, capsys, *messages, left=()):
    captured = capsys.readouterr()
    line = captured.err.splitlines()[-1]
    assert captured.err.count("error: ") == 1 and line.startswith("error: ") and "Traceback" not in captured.err
    for message in messages:
        assert message in line
    assert sorted(path.name for path in (tmp_path / "out").glob("*")) == sorted(left)


# ---- from the folder of the table ----------------------------------------------------------------


@pytest.mark.parametrize("as_uri", [True, False])
def test_a_mirror_replaces_ncbi(tmp_path, mirror, as_uri):
    write_folder(mirror)
    place = mirror.as_uri() if as_uri else str(mirror)
    assert run(tmp_path, "--url", f"{NCBI}/{PLACE}/", "--mirror", place) == 0
    genome, record = arrived(tmp_path)
    assert genome == GENOME
    assert record == {
        "accession": ACCESSION,
        "url": f"{place}/{PLACE}/{BASE}_genomic.fna.gz",
        "bytes": len(GENOME),
        "md5": md5_of(GENOME),
        "sha256": hashlib.sha256(GENOME).hexdigest(),
        "md5_source": "md5checksums.txt",
    }


def test_a_relative_folder_gives_the_same_bytes_twice(tmp_path, mirror, monkeypatch):
    write_folder(mirror)
    monkeypatch.chdir(tmp_path)
    assert run(tmp_path, "--url", f"mirror/{PLACE}") == 0
    first = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert run(tmp_path, "--url", f"mirror/{PLACE}") == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == first


def test_a_given_md5_has_priority_over_the_checksum_file(tmp_path, mirror, server):
    write_folder(mirror, md5="a" * 32)
    publish(server, mirror)
    assert run(tmp_path, "--url", f"{NCBI}/{PLACE}", "--mirror", server.url, *locked(tmp_path, md5_of(GENOME))) == 0
    genome, record = arrived(tmp_path)
    assert genome == GENOME and record["md5_source"] == "lock or table"
    assert [request.path for request in server.requests] == [f"/{PLACE}/{BASE}_genomic.fna.gz"]


@pytest.mark.parametrize("given", [True, False])
def test_a_wrong_md5_is_refused(tmp_path, mirror, capsys, given):
    folder = write_folder(mirror, md5=None if given else "a" * 32)
    assert run(tmp_path, "--url", str(folder), *(locked(tmp_path, "a" * 32) if given else [])) == 1
    assert_refused(tmp_path, capsys, "a" * 32, md5_of(GENOME))


def test_a_valid_gzip_of_half_a_genome_is_refused(tmp_path, mirror, capsys):
    folder = write_folder(mirror, genome=gzip.compress(PLAIN[:1_500_000], 1), md5=md5_of(GENOME))
    assert run(tmp_path, "--url", str(folder)) == 1
    assert_refused(tmp_path, capsys, md5_of(GENOME))


def test_a_genome_without_listed_md5_is_refused(tmp_path, mirror, capsys):
    folder = write_folder(mirror)
    lines = (folder / "md5checksums.txt").read_text().splitlines()
    (folder / "md5checksums.txt").write_text("\n".join(line for line in lines if "_from_" in line))
    assert run(tmp_path, "--url", str(folder)) == 1
    assert_refused(tmp_path, capsys, "not listed")


@pytest.mark.parametrize(
    ("genome", "message"),
    [
        (GENOME[:-20], "damaged or truncated"),
        (GENOME[: len(GENOME) // 2], "damaged or truncated"),
        (gzip.compress(b"ACGT\n", mtime=0), "_genomic.fna.gz:1: text before the first header"),
        (gzip.compress(b"", mtime=0), "no FASTA record"),
        (gzip.compress(b">protein\nMELF\n", mtime=0), "_genomic.fna.gz:2: contig protein has 'EFL'"),
    ],
    ids=["end cut off", "half", "no header", "empty", "protein"],
)
def test_a_file_with_the_right_md5_must_be_a_gzipped_fasta(tmp_path, mirror, capsys, genome, message):
    folder = write_folder(mirror, genome=genome)
    assert run(tmp_path, "--url", str(folder)) == 1
    assert_refused(tmp_path, capsys, message)


def test_an_interrupted_download_is_continued(tmp_path, mirror, server, capsys):
    write_folder(mirror)
    publish(server, mirror)
    file, at = f"/{PLACE}/{BASE}_genomic.fna.gz", len(GENOME) * 9 // 10
    server.faults[file] = chain([cut(at)], repeat(answer(503), http_retry.ATTEMPTS))
    assert run(tmp_path, "--url", f"{server.url}/{PLACE}") == 1
    assert_refused(tmp_path, capsys, "503", left=[".g.fna.gz.part"])
    assert run(tmp_path, "--url", f"{server.url}/{PLACE}") == 0
    assert arrived(tmp_path)[0] == GENOME
    assert server.sent(file) == [at, *[0] * http_retry.ATTEMPTS, len(GENOME) - at]


# ---- from the folder of the accession ------------------------------------------------------------


@pytest.mark.parametrize("md5", [None, md5_of(GENOME)], ids=["published", "given"])
@pytest.mark.parametrize("web_server", [True, False])
@pytest.mark.parametrize(
    "url",
    [
        f"{NCBI}/{PARENT}/{ACCESSION}_ASM694v1",  # renamed
        f"{NCBI}/{PARENT}/GCF_000006945.1_ASM694v1",  # another version's
        f"{NCBI}/{PARENT}/latest",
        "",
    ],
)
def test_the_folder_is_searched_in_the_listing(tmp_path, mirror, server, url, web_server, md5):
    write_folder(mirror)
    write_folder(mirror, f"{PARENT}/GCF_000006945.1_ASM694v1", genome=gzip.compress(b">old\nA\n"))
    (mirror / PARENT / f"{ACCESSION}_README.txt").write_text("no folder")
    publish(server, mirror)
    place = server.url if web_server else str(mirror)
    more = locked(tmp_path, md5) if md5 else []
    assert run(tmp_path, "--url", url, "--mirror", place, *more) == 0
    genome, record = arrived(tmp_path)
    assert genome == GENOME
    assert record["url"] == f"{place}/{PLACE}/{BASE}_genomic.fna.gz"


def test_a_missing_folder_outside_ncbi_is_searched_in_its_parent(tmp_path, mirror, monkeypatch):
    write_folder(mirror, BASE)
    monkeypatch.chdir(mirror)
    assert run(tmp_path, "--url", f"{ACCESSION}_gone") == 0
    assert arrived(tmp_path)[1]["url"] == f"./{BASE}/{BASE}_genomic.fna.gz"


@pytest.mark.parametrize("web_server", [True, False])
def test_the_error_lists_other_versions(tmp_path, mirror, server, capsys, web_server):
    write_folder(mirror, f"{PARENT}/GCF_000006945.10_ASM694v10")
    write_folder(mirror, f"{PARENT}/GCF_000006945.3_ASM694v3")
    publish(server, mirror)
    place = server.url if web_server else str(mirror)
    assert run(tmp_path, "--url", f"{NCBI}/{PLACE}", "--mirror", place) == 1
    assert_refused(
        tmp_path,
        capsys,
        f"{place}/{PARENT}: no folder of {ACCESSION}; ",
        "there is GCF_000006945.10_ASM694v10, GCF_000006945.3_ASM694v3",
    )


@pytest.mark.parametrize("web_server", [True, False])
@pytest.mark.parametrize("url", [f"{NCBI}/{PLACE}", ""])
def test_an_accession_without_any_folder_is_refused(tmp_path, mirror, server, capsys, web_server, url):
    place = server.url if web_server else str(mirror)
    assert run(tmp_path, "--url", url, "--mirror", place) == 1
    assert_refused(tmp_path, capsys, f"{place}/{PARENT}: no folder of {ACCESSION}; nor of another version")


def test_two_folders_of_one_accession_are_refused(tmp_path, mirror, capsys):
    write_folder(mirror)
    write_folder(mirror, f"{PARENT}/{ACCESSION}_other")
    assert run(tmp_path, "--mirror", str(mirror)) == 1
    assert_refused(tmp_path, capsys, f"2 folders of {ACCESSION}: {BASE}, {ACCESSION}_other")


def test_a_busy_server_does_not_count_as_a_missing_folder(tmp_path, mirror, server, capsys):
    write_folder(mirror)
    publish(server, mirror)
    server.faults[f"/{PLACE}/md5checksums.txt"] = repeat(answer(503))
    assert run(tmp_path, "--url", f"{server.url}/{PLACE}") == 1
    assert_refused(tmp_path, capsys, "503", "md5checksums.txt")
    assert f"/{PARENT}/" not in [request.path for request in server.requests]


def test_a_folder_without_its_genome_is_refused(tmp_path, mirror, capsys):
    folder = write_folder(mirror)
    (folder / f"{BASE}_genomic.fna.gz").unlink()
    assert run(tmp_path, "--url", str(folder)) == 1
    assert_refused(tmp_path, capsys, f"{folder}/{BASE}_genomic.fna.gz: no such file")


def test_a_name_that_is_not_an_accession_needs_an_address(tmp_path, capsys):
    assert run(tmp_path, "--accession", "my_genome") == 1
    assert_refused(tmp_path, capsys, "my_genome: not an NCBI accession", "url")


# ---- from a FASTA file ---------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["path", "uri", "web"])
@pytest.mark.parametrize("name", ["genome.fna.gz", "genome.FA.bgz", "genome.fa", "genome.v1.fasta", "genome.fas"])
def test_a_fasta_file_is_fetched_and_compressed_if_it_is_plain(tmp_path, server, place, name):
    gzipped = name.endswith("gz")
    data = GENOME if gzipped else PLAIN
    (tmp_path / name).write_bytes(data)
    server.files[f"/{name}"] = data
    url = {"path": str(tmp_path / name), "uri": (tmp_path / name).as_uri(), "web": f"{server.url}/{name}"}[place]
    assert run(tmp_path, "--accession", "my_genome", "--url", url) == 0
    genome, record = arrived(tmp_path)
    assert gzip.decompress(genome) == PLAIN
    # flags and mtime of the gzip header: no name, no time
    assert genome == GENOME if gzipped else genome[3:8] == bytes(5)
    assert record == {
        "accession": "my_genome",
        "url": url,
        "bytes": len(data),
        "md5": md5_of(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "md5_source": "none",
    }


@pytest.mark.parametrize("name", ["genome.fna.gz", "genome.fa"])
def test_a_fasta_address_may_have_a_query(tmp_path, server, name):
    server.files[f"/records/1/{name}?download=1"] = GENOME if name.endswith("gz") else PLAIN
    assert run(tmp_path, "--accession", "mine", "--url", f"{server.url}/records/1/{name}?download=1") == 0
    genome = arrived(tmp_path)[0]
    # unchanged if it was published gzipped
    assert genome == GENOME if name.endswith("gz") else gzip.decompress(genome) == PLAIN


def test_local_names_may_contain_question_marks_and_hashes(tmp_path):
    place = tmp_path / "a?b#c"
    place.mkdir()
    (place / "genome?#1.fa.gz").write_bytes(GENOME)
    assert run(tmp_path, "--accession", "mine", "--url", str(place / "genome?#1.fa.gz")) == 0
    assert arrived(tmp_path)[0] == GENOME


@pytest.mark.parametrize("name", ["genome.fa.gz", "genome.fa"])
def test_the_md5_of_a_fasta_file_is_verified(tmp_path, capsys, name):
    data = GENOME if name.endswith("gz") else PLAIN
    (tmp_path / name).write_bytes(data)
    options = ["--url", str(tmp_path / name)]
    assert run(tmp_path, *options, *locked(tmp_path, "0" * 32)) == 1
    assert_refused(tmp_path, capsys, md5_of(data))
    assert run(tmp_path, *options, *locked(tmp_path, md5_of(data))) == 0
    assert arrived(tmp_path)[1]["md5_source"] == "lock or table"


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("genome.fa.gz", GENOME[:-20], "damaged or truncated"),
        ("genome.fa.gz", b">a\nACGT*\n", "genome.fa.gz:2: contig a has '*'"),
        ("genome.fa", b"ACGT\n", "genome.fa:1: text before the first header"),
        ("genome.fa", b"", "no FASTA record"),
        ("genome.fa", b"<!DOCTYPE html>", "web page"),
    ],
    ids=["cut off", "protein", "no header", "empty", "web page"],
)
def test_a_file_that_is_not_fasta_is_refused(tmp_path, capsys, name, data, message):
    (tmp_path / name).write_bytes(data)
    assert run(tmp_path, "--url", str(tmp_path / name)) == 1
    assert_refused(tmp_path, capsys, message)


def test_a_missing_fasta_file_is_refused(tmp_path, capsys):
    assert run(tmp_path, "--url", "absent/genome.fa.gz") == 1
    assert_refused(tmp_path, capsys, "absent/genome.fa.gz: no such file")


@pytest.mark.parametrize("of", [("", ACCESSION), ("0" * 32, "GCF_000006945.1")])
def test_without_an_md5_in_the_lock_the_folders_checksum_is_used(tmp_path, mirror, of):
    folder = write_folder(mirror)
    assert run(tmp_path, "--url", str(folder), *locked(tmp_path, *of)) == 0
    assert arrived(tmp_path)[1]["md5_source"] == "md5checksums.txt"


def test_an_interrupted_plain_fasta_is_continued(tmp_path, server, capsys):
    server.files["/g.fa"] = PLAIN
    server.faults["/g.fa"] = chain([cut(200_000)], repeat(answer(503), http_retry.ATTEMPTS))
    options = ["--url", f"{server.url}/g.fa", *locked(tmp_path, md5_of(PLAIN))]
    assert run(tmp_path, *options) == 1
    assert_refused(tmp_path, capsys, "503", left=["..g.fna.gz.plain.part"])
    assert run(tmp_path, *options) == 0
    assert gzip.decompress(arrived(tmp_path)[0]) == PLAIN
    assert server.sent("/g.fa")[-1] == len(PLAIN) - 200_000


# ---- functions -----------------------------------------------------------------------------------


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
def test_only_ncbi_addresses_are_moved_to_the_mirror(url, mirror, expected):
    assert folder_address(url, mirror) == expected


def test_find_md5_reads_the_usual_formats():
    digest = "0123456789abcdef" * 2
    for line in (f"{digest}  ./a.gz", f"{digest.upper()} *a.gz", f"{digest}\ta.gz\r"):
        assert find_md5(f"other\n{line}\n", "a.gz") == digest
    assert find_md5(f"{digest}  ./sub/a.gz\n{digest}  ./b_a.gz\n{digest[:-1]}  ./a.gz\n", "a.gz") is None
