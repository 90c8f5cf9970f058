"""A download arrives complete and verified, or not at all."""

import gzip
import hashlib
import json
from itertools import repeat

import pytest

from tests.common.transfers import DATA, MD5, SIZE, names, run
from tests.server import answer, cut
from workflow_scripts.common import http_retry
from workflow_scripts.common.downloads import fetch
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.http_retry import ATTEMPTS, LONGEST_PAUSE, AbsentError, pause, read_page
from workflow_scripts.gue.fetch_source import main

# ---- good servers and local paths ----------------------------------------------------------------


def test_a_web_file_arrives_with_its_digests(server, tmp_path):
    fetched = fetch(f"{server.url}/a", tmp_path / "deep" / "a", MD5.upper())
    assert (tmp_path / "deep" / "a").read_bytes() == DATA
    assert (fetched.bytes, fetched.md5, fetched.sha256) == (SIZE, MD5, hashlib.sha256(DATA).hexdigest())
    assert names(tmp_path / "deep") == ["a"]
    assert server.requests[0].headers["User-Agent"] == "dnabert2-workflow"
    assert "Range" not in server.requests[0].headers


def test_gzip_is_not_decompressed_if_the_server_declares_it_as_encoding(server, tmp_path):
    packed = gzip.compress(DATA, mtime=0)
    server.faults["/a.gz"] = iter([answer(200, packed, Content_Encoding="gzip")])
    fetch(f"{server.url}/a.gz", tmp_path / "a.gz", hashlib.md5(packed).hexdigest())
    assert (tmp_path / "a.gz").read_bytes() == packed


def test_an_empty_file_is_a_file(server, tmp_path):
    server.files["/a"] = b""
    assert fetch(f"{server.url}/a", tmp_path / "a").bytes == 0
    assert names(tmp_path) == ["a"]


def test_a_redirect_is_followed(server, tmp_path):
    server.faults["/b"] = repeat(answer(302, Location="/a"))
    fetch(f"{server.url}/b", tmp_path / "a", MD5)
    assert (tmp_path / "a").read_bytes() == DATA


def test_an_endless_redirect_is_refused(server, tmp_path, capsys):
    server.faults["/a"] = repeat(answer(302, Location="/a"))
    assert "redirects" in run(f"{server.url}/a", tmp_path / "a", capsys)
    assert names(tmp_path) == []


def test_local_paths_are_copied(tmp_path, monkeypatch):
    (tmp_path / "with space").write_bytes(DATA)
    monkeypatch.chdir(tmp_path)
    for number, url in enumerate([(tmp_path / "with space").as_uri(), "with space", str(tmp_path / "with space")]):
        assert fetch(url, tmp_path / str(number), MD5).url == url
        assert (tmp_path / str(number)).read_bytes() == DATA
    assert names(tmp_path) == ["0", "1", "2", "with space"]


@pytest.mark.parametrize("url", ["absent", "file:///absent/file", "."])
def test_an_absent_local_file_is_refused(url, tmp_path):
    with pytest.raises(AbsentError, match="no such file"):
        fetch(url, tmp_path / "a")
    assert names(tmp_path) == []


@pytest.mark.parametrize("url", ["ftp://somewhere/a", "http://", "http://[a"])
def test_an_unsupported_address_is_refused(url, tmp_path, capsys):
    assert url in run(url, tmp_path / "a", capsys)
    assert names(tmp_path) == []


@pytest.mark.parametrize(("out", "message"), [("source/a", "File exists"), ("folder", "Is a directory")])
def test_an_occupied_path_is_refused_in_one_line(tmp_path, capsys, out, message):
    (tmp_path / "source").write_bytes(DATA)
    (tmp_path / "folder").mkdir()
    assert message in run(str(tmp_path / "source"), tmp_path / out, capsys)
    assert names(tmp_path) == ["folder", "source"]
    assert (tmp_path / "source").read_bytes() == DATA


def test_the_program_writes_file_and_record(tmp_path):
    (tmp_path / "source").write_bytes(DATA)
    out, record = tmp_path / "out", tmp_path / "record.json"
    options = ["--url", str(tmp_path / "source"), "--out", str(out), "--record", str(record)]
    assert main([*options, "--md5", MD5]) == 0
    assert json.loads(record.read_text()) == {
        "url": str(tmp_path / "source"),
        "bytes": SIZE,
        "md5": MD5,
        "sha256": hashlib.sha256(DATA).hexdigest(),
    }
    assert out.read_bytes() == DATA


# ---- servers that refuse or are busy -------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again_after_growing_pauses(server, tmp_path, pauses, status):
    server.faults["/a"] = iter([answer(status, b"busy")] * 4)
    fetch(f"{server.url}/a", tmp_path / "a", MD5)
    assert (tmp_path / "a").read_bytes() == DATA
    assert [base <= pause < 2 * base for base, pause in zip([1, 2, 4, 8], pauses, strict=True)] == [True] * 4


def test_pauses_depend_only_on_address_and_attempt():
    seconds = [pause("https://a/b", tried, tried, 0.0) for tried in range(1, 12)]
    assert seconds == [pause("https://a/b", tried, tried, 0.0) for tried in range(1, 12)]
    assert max(seconds) == 60 and sorted(seconds) == seconds
    jitters = {pause(f"https://a/{name}", tried, 1, 0.0) for name in range(50) for tried in range(1, 5)}
    assert len(jitters) == 200 and min(jitters) >= 1 and max(jitters) < 2


@pytest.mark.parametrize(
    ("retry_after", "least", "most"), [("30", 30, 30), ("99999", 60, 60), ("0", 1, 2), ("soon", 1, 2)]
)
def test_a_busy_server_may_ask_for_a_longer_pause(server, tmp_path, pauses, retry_after, least, most):
    server.faults["/a"] = iter([answer(503, Retry_After=retry_after)])
    fetch(f"{server.url}/a", tmp_path / "a", MD5)
    assert len(pauses) == 1 and least <= pauses[0] <= most


def test_a_server_that_is_always_busy_is_given_up(server, tmp_path, pauses, capsys):
    server.faults["/a"] = repeat(answer(503))
    error = run(f"{server.url}/a", tmp_path / "a", capsys, "--md5", MD5)
    assert "503" in error and f"{ATTEMPTS} attempts" in error
    assert len(pauses) == ATTEMPTS - 1 and len(server.requests) == ATTEMPTS
    # long enough for a server to restart; the last pause is the longest
    assert 123 <= sum(pauses) <= 182 and max(pauses) == LONGEST_PAUSE
    assert names(tmp_path) == []


def test_a_missing_server_is_an_error_after_all_attempts(tmp_path, pauses, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(http_retry, "ATTEMPTS", 2)
    with pytest.raises(UserError, match="connection failed"):
        fetch("http://127.0.0.1:9/a", tmp_path / "a")
    assert len(pauses) == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize(("status", "kind"), [(403, UserError), (404, AbsentError), (410, AbsentError)])
def test_a_refused_file_is_not_requested_again(server, tmp_path, status, kind):
    server.faults["/a"] = repeat(answer(status))
    with pytest.raises(UserError, match=str(status)) as refused:
        fetch(f"{server.url}/a", tmp_path / "a")
    assert refused.type is kind
    assert len(server.requests) == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html>\n<title>Log in</title>",
        b"\n <HTML><body>",
        b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML">',
    ],
)
def test_a_web_page_instead_of_a_file_is_refused(server, tmp_path, capsys, page):
    server.faults["/a"] = repeat(answer(200, page, Content_Type="text/plain"))
    assert "web page" in run(f"{server.url}/a", tmp_path / "a", capsys)
    assert names(tmp_path) == []


def test_a_web_page_does_not_replace_received_bytes(server, tmp_path, capsys):
    server.faults["/a"] = iter([cut(SIZE // 2), answer(200, b"<html>Log in")])
    assert "web page" in run(f"{server.url}/a", tmp_path / "a", capsys, "--md5", MD5)
    assert names(tmp_path) == [".a.part"]
    assert run(f"{server.url}/a", tmp_path / "a", capsys, "--md5", MD5) is None
    assert server.sent("/a")[2:] == [SIZE - SIZE // 2]


def test_a_listing_is_requested_again_after_failures(server, pauses):
    server.files["/folder/"] = b'<a href="b/">'
    server.faults["/folder/"] = iter([answer(503), cut(5)])
    assert read_page(f"{server.url}/folder/") == '<a href="b/">'
    assert len(pauses) == 2


# ---- md5 and check -------------------------------------------------------------------------------


def test_a_wrong_md5_keeps_the_old_file(server, tmp_path, capsys):
    (tmp_path / "a").write_bytes(b"old")
    assert f"md5 is {MD5}, not {'0' * 32}" in run(f"{server.url}/a", tmp_path / "a", capsys, "--md5", "0" * 32)
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]
    assert len(server.requests) == 1


@pytest.mark.parametrize("md5", ["abc", MD5[:-1] + "g", f"{MD5} "])
def test_an_invalid_md5_is_refused_before_anything_is_fetched(server, tmp_path, capsys, md5):
    assert "is not an md5" in run(f"{server.url}/a", tmp_path / "a", capsys, "--md5", md5)
    assert server.requests == [] and names(tmp_path) == []


def test_the_check_sees_the_file_before_it_has_its_name(server, tmp_path):
    seen = []

    def refuse(path):
        seen.append((path.read_bytes() == DATA, names(tmp_path)))
        raise UserError("not this one")

    with pytest.raises(UserError, match="not this one"):
        fetch(f"{server.url}/a", tmp_path / "a", MD5, check=refuse)
    assert seen == [(True, [".a.part"])]
    assert names(tmp_path) == []
