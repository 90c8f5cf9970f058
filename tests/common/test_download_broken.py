"""A broken transfer continues where it broke, and never mixes two files."""

from itertools import chain, repeat

import pytest

from tests.common.transfers import DATA, MD5, OTHER, OTHER_MD5, SIZE, chunked, names, run, without_length
from tests.server import announce, cut, ignore_range, misplace, overflow, piece, stall
from workflow_scripts.common import http_retry
from workflow_scripts.common.downloads import fetch
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.http_retry import ATTEMPTS


def test_a_broken_transfer_continues_where_it_broke(server, tmp_path, pauses):
    at = SIZE * 9 // 10
    server.faults["/a"] = iter([cut(at)])
    fetched = fetch(f"{server.url}/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == DATA
    assert (fetched.bytes, fetched.md5) == (SIZE, MD5)
    assert server.sent("/a") == [at, SIZE - at]
    assert len(pauses) == 1
    assert server.requests[1].headers["If-Range"] == f'"{MD5}"'


def test_a_bad_connection_succeeds_if_every_attempt_makes_progress(server, tmp_path, pauses, monkeypatch):
    monkeypatch.setattr(http_retry, "ATTEMPTS", 2)
    server.faults["/a"] = chain(map(cut, range(100_000, SIZE, 100_000)))
    fetch(f"{server.url}/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == DATA
    assert server.sent("/a") == [100_000] * 20
    assert len(pauses) == 19 and max(pauses) < 2


def test_a_connection_without_progress_is_given_up(server, tmp_path, capsys):
    server.faults["/a"] = repeat(cut(5000))
    assert f"{ATTEMPTS} attempts" in run(f"{server.url}/a", tmp_path / "a", capsys)
    assert server.sent("/a") == [5000, *[0] * ATTEMPTS]
    assert names(tmp_path) == []


def test_a_stalled_server_is_asked_for_the_rest_after_a_timeout(server, tmp_path, monkeypatch):
    monkeypatch.setattr(http_retry, "TIMEOUT", 0.2)
    server.faults["/a"] = iter([stall(1_000_000)])
    fetch(f"{server.url}/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == DATA
    assert server.sent("/a") == [1_000_000, 1_000_000]


def test_a_server_that_always_stalls_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(http_retry, "ATTEMPTS", 2)
    monkeypatch.setattr(http_retry, "TIMEOUT", 0.1)
    server.faults["/a"] = repeat(stall(0))
    with pytest.raises(UserError, match=r"^\S+/a: .*2 attempts.*$") as refused:
        fetch(f"{server.url}/a", tmp_path / "a", MD5)
    assert "\n" not in str(refused.value)
    assert names(tmp_path) == []


def test_a_server_without_ranges_sends_the_whole_file_again(server, tmp_path):
    server.faults["/a"] = iter([cut(1_500_000), ignore_range])
    fetch(f"{server.url}/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == DATA
    assert server.sent("/a") == [1_500_000, SIZE]


def test_a_server_without_ranges_that_always_breaks_is_given_up(server, tmp_path, capsys):
    def cut_without_range(handler):
        del handler.headers["Range"]
        cut(5000)(handler)

    server.faults["/a"] = repeat(cut_without_range)
    assert f"{ATTEMPTS} attempts" in run(f"{server.url}/a", tmp_path / "a", capsys, "--md5", MD5)
    assert len(server.requests) == ATTEMPTS + 1
    # kept, because the next run can ask for the rest
    assert names(tmp_path) == [".a.part"]


@pytest.mark.parametrize(
    ("begin", "total"), [(0, SIZE), (1_500_001, SIZE), (1_500_000, SIZE - 1), (1_500_000, SIZE + 1)]
)
def test_another_range_than_requested_is_not_appended(server, tmp_path, begin, total):
    server.faults["/a"] = iter([cut(1_500_000), misplace(begin, total)])
    fetch(f"{server.url}/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == DATA
    assert server.sent("/a")[-1] == SIZE


def test_a_server_that_sends_short_ranges_is_asked_repeatedly(server, tmp_path, monkeypatch):
    monkeypatch.setattr(http_retry, "ATTEMPTS", 1)
    server.faults["/a"] = chain([cut(500_000)], repeat(piece(400_000)))
    fetch(f"{server.url}/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == DATA
    assert server.sent("/a") == [500_000, 400_000, 400_000, 400_000, 300_000]


def test_a_range_longer_than_the_rest_is_discarded(server, tmp_path):
    server.faults["/a"] = iter([cut(1_500_000), overflow])
    fetch(f"{server.url}/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == DATA


def test_an_unrequested_range_is_refused(server, tmp_path, capsys):
    server.faults["/a"] = repeat(misplace(0, SIZE))
    assert "206" in run(f"{server.url}/a", tmp_path / "a", capsys)
    assert names(tmp_path) == []


@pytest.mark.parametrize("honours_if_range", [True, False])
def test_a_file_that_changes_between_attempts_is_downloaded_again(server, tmp_path, monkeypatch, honours_if_range):
    def blind(handler):
        del handler.headers["If-Range"]
        status, headers, body = handler.found()
        handler.head(status, headers)
        handler.send(body)

    monkeypatch.setattr(http_retry.time, "sleep", lambda _: server.files.update({"/a": OTHER}))
    server.faults["/a"] = iter([cut(1_500_000)] if honours_if_range else [cut(1_500_000), blind])
    assert fetch(f"{server.url}/a", tmp_path / "a").md5 == OTHER_MD5
    assert (tmp_path / "a").read_bytes() == OTHER


def test_a_changed_file_is_not_mixed_with_the_old_one_if_its_transfer_breaks(server, tmp_path, monkeypatch):
    monkeypatch.setattr(http_retry.time, "sleep", lambda _: server.files.update({"/a": OTHER}))
    server.faults["/a"] = iter([cut(1_500_000), cut(100)])
    fetch(f"{server.url}/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == OTHER


@pytest.mark.parametrize("length", [SIZE - 10, SIZE + 10])
def test_a_wrong_length_once(server, tmp_path, capsys, length):
    server.faults["/a"] = iter([announce(length)])
    error = run(f"{server.url}/a", tmp_path / "a", capsys, "--md5", MD5)
    if error is None:
        assert (tmp_path / "a").read_bytes() == DATA
        assert names(tmp_path) == ["a"]
    else:
        # only the md5 shows that bytes are missing
        assert length < SIZE and "md5" in error
        assert names(tmp_path) == []


def test_a_length_that_is_always_too_large(server, tmp_path, capsys):
    server.faults["/a"] = repeat(announce(SIZE + 10))
    assert f"{ATTEMPTS} attempts" in run(f"{server.url}/a", tmp_path / "a", capsys)
    assert names(tmp_path) == []
    # with an md5 the file is known to be complete
    assert run(f"{server.url}/a", tmp_path / "a", capsys, "--md5", MD5) is None
    assert (tmp_path / "a").read_bytes() == DATA


@pytest.mark.parametrize("length", ["x", "-5"])
def test_an_invalid_length_counts_as_missing(server, tmp_path, capsys, length):
    server.faults["/a"] = repeat(announce(length))
    assert "does not say how long" in run(f"{server.url}/a", tmp_path / "a", capsys)
    fetch(f"{server.url}/a", tmp_path / "a", MD5)
    assert (tmp_path / "a").read_bytes() == DATA


@pytest.mark.parametrize("at", [SIZE, SIZE // 2])
def test_a_file_of_unknown_length_is_refused_without_md5(server, tmp_path, capsys, at):
    (tmp_path / "a").write_bytes(b"old")
    server.faults["/a"] = repeat(without_length(DATA[:at]))
    error = run(f"{server.url}/a", tmp_path / "a", capsys)
    assert error == f"error: {server.url}/a: the server does not say how long the file is; give its md5"
    assert (tmp_path / "a").read_bytes() == b"old" and names(tmp_path) == ["a"]
    assert len(server.requests) == 1
    # with an md5 its end is known
    error = run(f"{server.url}/a", tmp_path / "a", capsys, "--md5", MD5)
    assert error is None if at == SIZE else "md5" in error
    assert (tmp_path / "a").read_bytes() == (DATA if at == SIZE else b"old")


def test_chunked_transfer_coding_needs_no_length(server, tmp_path):
    server.faults["/a"] = iter([chunked(DATA[: SIZE // 2], end=b""), chunked(DATA)])
    fetch(f"{server.url}/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == DATA
    assert len(server.requests) == 2
