"""The lock as a file: md5 and bytes of the genomes, reproducible bytes, and protection from damaged tables."""

import random
import threading
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.genomes.ncbi import assembly, md5_of, row
from workflow_scripts.common import http_retry
from workflow_scripts.common.addresses import NCBI
from workflow_scripts.genomes.lock_species import COLUMNS, main, write_lock
from workflow_scripts.settings.tables import table_errors

# -- md5 and bytes ------------------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_read_does_not_stop_the_lock(ncbi, lock, capsys):
    accessions = [f"GCA_00000000{n}.1" for n in (1, 2, 3, 4)]
    rows = [assembly(accession, "Mucor albus") for accession in accessions]
    rows[3]["ftp_path"] = "na"
    ncbi.table("genbank", "fungi", rows)
    (ncbi.genome("GCA_000000001.1").parent / "md5checksums.txt").unlink()
    (ncbi.genome("GCA_000000002.1").parent / "md5checksums.txt").write_text(f"{'0' * 32}  ./other.fna.gz\n")
    ncbi.genome("GCA_000000003.1").unlink()
    found = lock(*(row(accession, "Mucor albus") for accession in accessions))
    assert {row["status"] for row in found.values()} == {"current"}
    assert [bool(row["md5"]) for row in found.values()] == [False, False, True, False]
    assert [row["bytes"] for row in found.values()] == ["", "", "", ""]
    reasons = [row["reason"] for row in found.values()]
    assert "md5checksums.txt" in reasons[0]
    assert "GCA_000000002.1_ASM_genomic.fna.gz is not listed" in reasons[1]
    assert reasons[2] == ""
    assert "no folder" in reasons[3]
    assert found["GCA_000000004.1"]["url"] == ""
    assert "3 assemblies without md5" in capsys.readouterr().err


@pytest.fixture
def web(ncbi, monkeypatch):
    """The small NCBI on a web server that records requests and answers with ``refusals`` first."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(http_retry.time, "sleep", lambda _seconds: None)
    ncbi.root.mkdir()
    requests, refusals = [], {}

    class Handler(SimpleHTTPRequestHandler):
        def send_head(self):
            requests.append(f"{self.command} {self.path.rsplit('/', 1)[-1]}")
            errors = refusals.get(requests[-1])
            return self.send_error(*errors.pop(0)) if errors else super().send_head()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(ncbi.root)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.requests, server.refusals = requests, refusals
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_busy_server_is_asked_again_and_an_unknown_size_is_accepted(ncbi, lock, web):
    accessions = [f"GCA_00000000{n}.1" for n in (1, 2)]
    ncbi.table("genbank", "fungi", [assembly(accession, "Mucor albus") for accession in accessions])
    heads = [f"HEAD {accession}_ASM_genomic.fna.gz" for accession in accessions]
    # 520 is not an HTTP status, but it also means that the server failed
    web.refusals |= {"GET md5checksums.txt": [(503,), (503,)], heads[0]: [(520, "?"), (429,)], heads[1]: [(405,)]}
    found = lock(*(row(accession, "Mucor albus") for accession in accessions), mirror=web.url)
    assert [row["md5"] for row in found.values()] == [md5_of(ncbi.genome(accession)) for accession in accessions]
    assert [row["bytes"] for row in found.values()] == [str(ncbi.genome(accessions[0]).stat().st_size), ""]
    assert Counter(web.requests) == {
        "GET assembly_summary.txt": 1,
        "GET md5checksums.txt": 4,
        heads[0]: 3,
        heads[1]: 1,
    }


def test_a_web_mirror_gives_the_same_lock_without_downloading_genomes(ncbi, lock, web):
    accessions = [f"GCA_00000000{n}.1" for n in range(1, 8)]
    ncbi.table("genbank", "fungi", [assembly(accession, "Mucor albus") for accession in accessions])
    (ncbi.genome(accessions[2]).parent / "md5checksums.txt").unlink()
    rows = [row(accession, "Mucor albus") for accession in [*accessions, "GCA_000000099.1"]]
    found = lock(*rows, mirror=web.url, more=["--downloads", "3"])
    assert "answered 404" in found[accessions[2]]["reason"]
    assert found["GCA_000000099.1"]["status"] == "missing"
    assert Counter(web.requests) == {
        "GET assembly_summary.txt": 1,
        "GET assembly_summary_historical.txt": 1,
        "GET md5checksums.txt": 7,
        **{f"HEAD {a}_ASM_genomic.fna.gz": 1 for a in accessions if a != accessions[2]},
    }
    # the same rows as from the folder, except reasons with addresses
    local = lock(*rows)
    for accession in {*local} - {accessions[2]}:
        assert local[accession] == found[accession]
        assert not local[accession]["accession"] or int(local[accession]["bytes"]) > 0


# -- the file -----------------------------------------------------------------------------------------------------


def test_the_lock_does_not_depend_on_the_order_of_tables_and_the_number_of_downloads(ncbi, lock):
    rows = [assembly(f"GCA_0000000{n}.1", "Mucor albus", assembly_level="Contig") for n in range(10, 40)]
    rows += [assembly(f"GCA_0000000{n}.1", "Mucor ruber") for n in range(80, 85)]
    species = [row(f"GCA_0000000{n}.1", "Mucor albus") for n in (*range(10, 20), *range(50, 60))]
    species += [row(f"GCA_0000000{n}.1", "Mucor ater", species="Mucor ruber") for n in range(60, 64)]
    ncbi.table("refseq", "fungi", [assembly("GCF_000000080.1", "Mucor ruber")])
    texts = set()
    for seed, downloads in ((1, "1"), (2, "8"), (3, "4")):
        ncbi.table("genbank", "fungi", random.Random(seed).sample(rows, len(rows)))
        lock(*species, more=["--downloads", downloads])
        texts.add("".join(line for line in lock.path.read_text().splitlines(True) if not line.startswith("#")))
    assert len(texts) == 1
    assert texts.pop().count("found by name") == 4
    first = lock.path.read_bytes()
    lock(*species)
    assert lock.path.read_bytes() == first


def test_the_head_lists_the_tables_and_their_md5(ncbi, lock):
    ncbi.table("genbank", "fungi", [assembly("GCA_000000001.1", "Mucor albus")])
    lock(row("GCA_000000001.1", "Mucor albus"))
    table = ncbi.root / "genomes/genbank/fungi/assembly_summary.txt"
    head = [line for line in lock.path.read_text().splitlines() if line.startswith("#")]
    assert head == ["# Lock of species.tsv by NCBI's tables", f"# {table} md5 {md5_of(table)}"]


def test_the_bytes_do_not_depend_on_the_working_directory(ncbi, lock, tmp_path, monkeypatch):
    ncbi.table("genbank", "fungi", [assembly("GCA_000000001.1", "Mucor albus")])
    lock(row("GCA_000000001.1", "Mucor albus"))
    monkeypatch.chdir(tmp_path)
    assert main(["--species", "species.tsv", "--mirror", str(ncbi.root), "--out", "out/other.tsv"]) == 0
    assert (tmp_path / "out" / "other.tsv").read_bytes() == lock.path.read_bytes()


def test_differences_from_the_previous_lock_are_printed(ncbi, lock, capsys):
    ncbi.table("genbank", "fungi", [assembly(f"GCA_0000000{n}.1", "Mucor albus") for n in range(10, 40)])
    species = [row(f"GCA_0000000{n}.1", "Mucor albus") for n in range(10, 40)]
    lock(*species)
    assert "rows differ" not in capsys.readouterr().err
    lock(*species)
    assert "0 rows differ" in capsys.readouterr().err
    newer = [assembly(f"GCA_0000000{n}.2", "Mucor albus") for n in range(10, 35)]
    ncbi.table("genbank", "fungi", newer + [assembly(f"GCA_0000000{n}.1", "Mucor albus") for n in range(35, 40)])
    lock(*species[:-1])
    lines = capsys.readouterr().err.splitlines()
    at = lines.index("29 rows: 4 current, 25 replaced")
    assert lines[at + 1] == "26 rows differ from the previous lock"
    assert lines[at + 2].startswith("GCA_000000010.1: accession 'GCA_000000010.1' -> 'GCA_000000010.2', ")
    assert len(lines[at + 2 :]) == 21
    assert lines[-1] == "and 6 more"


def with_lines(path, change):
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(change(lines)))


BROKEN = {
    "a row cut short": (lambda lines: [*lines[:3], lines[3][:80] + "\n"], "assembly_summary.txt:4: "),
    "a web page": (lambda _: ["<!DOCTYPE html>\n<html>log in</html>\n"], "web page"),
    "a web page in the middle": (lambda lines: [*lines[:3], "<html>busy</html>\n", *lines[3:]], "summary.txt:4: 1 col"),
    "no header": (lambda lines: lines[2:], "no line '#assembly_accession"),
    "empty": (lambda _: [], "no line '#assembly_accession"),
    "other columns": (
        lambda lines: [lines[0], "#assembly_accession\ttaxid\n"],
        "summary.txt:2: no column organism_name",
    ),
    "absent": (None, "assembly_summary.txt"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_damaged_table_is_refused_in_one_line_and_the_old_lock_stays(ncbi, lock, capsys, broken):
    ncbi.table("genbank", "fungi", [assembly(f"GCA_00000000{n}.1", "Mucor albus") for n in (1, 2)])
    lock(row("GCA_000000001.1", "Mucor albus"))
    before = lock.path.read_bytes()
    capsys.readouterr()
    change, message = BROKEN[broken]
    table = ncbi.root / "genomes/genbank/fungi/assembly_summary.txt"
    if change:
        with_lines(table, change)
    else:
        table.unlink()
    assert lock(row("GCA_000000002.1", "Mucor albus")) is None
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert message in errors[0]
    assert "genbank/fungi/assembly_summary.txt" in errors[0]
    assert lock.path.read_bytes() == before
    assert [path.name for path in lock.path.parent.iterdir()] == ["lock.tsv"]


def test_a_row_that_would_be_read_as_a_comment_is_an_error(tmp_path):
    rows = [dict.fromkeys(COLUMNS, "") | row(name, "Mucor albus", url="x.fa") for name in ("mine", "#mine")]
    with pytest.raises(ValueError, match="the rows read differ from those written"):
        write_lock(tmp_path / "lock.tsv", tmp_path / "species.tsv", rows, [])
    assert list(tmp_path.iterdir()) == []


# -- invalid values in NCBI's tables ------------------------------------------------------------------------------


NOT_AT_NCBI = ["/etc", "https://lab.org/GCA_000000001.1_ASM", f"{NCBI}.lab.org/x"]


@pytest.mark.parametrize("place", [*NOT_AT_NCBI, f"{NCBI}/../x", f"{NCBI}/x/..", f"{NCBI}/x\ry"])
def test_a_folder_outside_ncbi_is_ignored(ncbi, lock, place):
    ncbi.table("genbank", "fungi", [assembly("GCA_000000001.1", "Mucor albus", ftp_path=place)])
    found = lock(row("GCA_000000001.1", "Mucor albus"))["GCA_000000001.1"]
    assert (found["status"], found["url"], found["md5"]) == ("current", "", "")
    assert found["reason"] == "no md5: NCBI names no folder"


def test_an_invalid_accession_is_ignored(ncbi, lock):
    listed = [assembly("GCF_000000001.1", "Mucor albus", assembly_accession="../../../x", ftp_path="/etc")]
    ncbi.table("refseq", "fungi", [*listed, assembly("GCF_000000002.1", "Mucor ater")])
    ncbi.table("genbank", "fungi", [])
    found = lock(row("", "Mucor albus"))["Mucor albus"]
    assert (found["accession"], found["status"]) == ("GCF_000000002.1", "substitute")


def test_the_lock_has_no_control_characters(ncbi, lock, web):
    name = "Mucor\ralbus\x85CBS\x1b[2J 7\u2028x"
    ncbi.table("genbank", "fungi", [assembly("GCA_000000001.1", name)])
    web.refusals["GET md5checksums.txt"] = [(404, "gone\taway\x1b[2J\x85")]
    found = lock(row("GCA_000000001.1", "Mucor albus"), mirror=web.url)["GCA_000000001.1"]
    assert found["organism"] == "Mucor albus CBS [2J 7 x"
    assert "answered 404 gone away [2J" in found["reason"]
    assert lock.path.read_text().replace("\n", "").replace("\t", "").isprintable()
    assert list(table_errors(lock.path, "species", ["accession"])) == []


@pytest.mark.parametrize(
    ("differences", "message"), [({"taxid": "x1"}, "lock.tsv:4 taxid: 'x1'"), ({"organism_name": ""}, ":4 organism")]
)
def test_an_invalid_lock_is_not_written(ncbi, lock, capsys, differences, message):
    ncbi.table("genbank", "fungi", [assembly("GCA_000000001.1", "Mucor albus")])
    lock(row("GCA_000000001.1", "Mucor albus"))
    before = lock.path.read_bytes()
    capsys.readouterr()
    ncbi.table("genbank", "fungi", [assembly("GCA_000000001.1", "Mucor albus") | differences])
    assert lock(row("GCA_000000001.1", "Mucor albus")) is None
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and message in errors[0] and "not written" in errors[0] and ".tmp" not in errors[0]
    assert lock.path.read_bytes() == before
    assert [path.name for path in lock.path.parent.iterdir()] == ["lock.tsv"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row("GCA_000000001.1", "Mucor albus", "mushrooms")], "species.tsv:3 group: 'mushrooms' is not one of"),
        ([row("GCA_000000001.1", "")], "species.tsv:3 organism"),
        ([row("mine", "Mucor albus")], "species.tsv:3: url missing"),
        ([row("GCA_000000001.1", "Mucor albus", species="Mucor")], "species.tsv:3 species: 'Mucor'"),
        (
            [row("GCA_000000001.1", "Mucor albus"), row("GCA_000000001.1", "Mucor ater")],
            "species.tsv: the rows GCA_000000001.1 and GCA_000000001.1 request the same assembly",
        ),
        (
            [row("GCA_000000001.1", "Mucor albus"), row("GCA_000000001.2", "Mucor ater")],
            "the rows GCA_000000001.1 and GCA_000000001.2 request the same assembly",
        ),
        (
            [row("GCF_000000001.1", "Mucor albus"), row("GCA_000000001.1", "Mucor ater")],
            "the rows GCF_000000001.1 and GCA_000000001.1 request the same assembly",
        ),
        ([row("", "Mucor albus"), row("", "Mucor albus")], "is already in line 3"),
    ],
)
def test_an_invalid_species_table_is_refused_in_one_line(ncbi, lock, capsys, rows, message):
    ncbi.table("refseq", "fungi", [assembly("GCF_000000001.1", "Mucor albus")])
    ncbi.table("genbank", "fungi", [assembly("GCA_000000001.2", "Mucor albus")])
    assert lock(*rows) is None
    assert not lock.path.exists()
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert message in errors[0]


def test_a_file_that_is_not_a_lock_is_not_overwritten(ncbi, lock, capsys):
    lock.path.parent.mkdir()
    lock.path.write_text("accession\torganism\nx\ty\n")
    assert lock(row("mine", "Mucor albus", url="x.fa")) is None
    assert "not a lock" in capsys.readouterr().err
    assert lock.path.read_text() == "accession\torganism\nx\ty\n"
