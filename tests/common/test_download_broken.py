"""A transfer that breaks goes on where it broke, and never mixes two files."""

from itertools import chain, repeat

import pytest

from tests.common.transfers import DATA, MD5, OTHER, OTHER_MD5, SIZE, chunked, names, run, without_length
from tests.server import announce, cut, ignore_range, misplace, overflow, piece, stall
from workflow_scripts.common import http_retry
from workflow_scripts.common.downloads import fetch
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.http_retry import ATTEMPTS


def test_broken_transfer_goes_on_where_it_broke(server, tmp_path, pauses):
    at = SIZE * 9 // 10
    server.faults["/a"] = iter([cut(at)])
    fetched = fetch(f"{server.url}/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == DATA
    assert (fetched.bytes, fetched.md5) == (SIZE, MD5)
    assert server.sent("/a") == [at, SIZE - at]
    assert len(pauses) == 1
    assert server.requests[1].headers["If-Range"] == f'"{MD5}"'


def test_bad_line_gets_through_as_long_as_it_brings_something(server, tmp_path, pauses):
    server.faults["/a"] = chain(map(cut, range(100_000, SIZE, 100_000)))
    fetch(f"{server.url}/a", tmp_path / "a", attempts=2)
    assert (tmp_path / "a").read_bytes() == DATA
    assert server.sent("/a") == [100_000] * 20
    assert len(pauses) == 19 and max(pauses) < 2


def test_line_that_brings_nothing_more_is_given_up(server, tmp_path, capsys):
    server.faults["/a"] = repeat(cut(5000))
    assert f"{ATTEMPTS} attempts" in run(f"{server.url}/a", tmp_path / "a", capsys)
    assert server.sent("/a") == [5000, *[0] * ATTEMPTS]
    assert names(tmp_path) == []


def test_stalled_server_is_left_and_asked_for_the_rest(server, tmp_path):
    server.faults["/a"] = iter([stall(1_000_000)])
    fetch(f"{server.url}/a", tmp_path / "a", timeout=0.2)
    assert (tmp_path / "a").read_bytes() == DATA
    assert server.sent("/a") == [1_000_000, 1_000_000]


def test_server_that_stalls_for_ever(server, tmp_path):
    server.faults["/a"] = repeat(stall(0))
    with pytest.raises(UserError, match=r"^\S+/a: .*2 attempts.*$") as refused:
        fetch(f"{server.url}/a", tmp_path / "a", MD5, attempts=2, timeout=0.1)
    assert "\n" not in str(refused.value)
    assert names(tmp_path) == []


def test_server_that_knows_no_range_sends_all_again(server, tmp_path):
    server.faults["/a"] = iter([cut(1_500_000), ignore_range])
    fetch(f"{server.url}/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == DATA
    assert server.sent("/a") == [1_500_000, SIZE]


def test_server_without_range_that_always_breaks_is_given_up(server, tmp_path, capsys):
    def cut_without_range(handler):
        del handler.headers["Range"]
        cut(5000)(handler)

    server.faults["/a"] = repeat(cut_without_range)
    assert f"{ATTEMPTS} attempts" in run(f"{server.url}/a", tmp_path / "a", capsys, "--md5", MD5)
    assert len(server.requests) == ATTEMPTS + 1
    # of this file; the next run asks for the rest
    assert names(tmp_path) == [".a.part"]


@pytest.mark.parametrize(
    ("begin", "total"), [(0, SIZE), (1_500_001, SIZE), (1_500_000, SIZE - 1), (1_500_000, SIZE + 1)]
)
def test_other_part_than_was_asked_for_is_not_appended(server, tmp_path, begin, total):
    server.faults["/a"] = iter([cut(1_500_000), misplace(begin, total)])
    fetch(f"{server.url}/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == DATA
    assert server.sent("/a")[-1] == SIZE


def test_server_that_sends_no_more_than_a_piece_at_a_time(server, tmp_path):
    server.faults["/a"] = chain([cut(500_000)], repeat(piece(400_000)))
    fetch(f"{server.url}/a", tmp_path / "a", attempts=1)
    assert (tmp_path / "a").read_bytes() == DATA
    assert server.sent("/a") == [500_000, 400_000, 400_000, 400_000, 300_000]


def test_more_than_the_rest_is_not_the_file(server, tmp_path):
    server.faults["/a"] = iter([cut(1_500_000), overflow])
    fetch(f"{server.url}/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == DATA


def test_part_of_a_file_that_nobody_asked_for(server, tmp_path, capsys):
    server.faults["/a"] = repeat(misplace(0, SIZE))
    assert "206" in run(f"{server.url}/a", tmp_path / "a", capsys)
    assert names(tmp_path) == []


@pytest.mark.parametrize("honours_if_range", [True, False])
def test_file_that_changes_between_two_attempts_is_taken_anew(server, tmp_path, monkeypatch, honours_if_range):
    def blind(handler):
        del handler.headers["If-Range"]
        status, headers, body = handler.found()
        handler.head(status, headers)
        handler.send(body)

    monkeypatch.setattr(http_retry.time, "sleep", lambda _: server.files.update({"/a": OTHER}))
    server.faults["/a"] = iter([cut(1_500_000)] if honours_if_range else [cut(1_500_000), blind])
    assert fetch(f"{server.url}/a", tmp_path / "a").md5 == OTHER_MD5
    assert (tmp_path / "a").read_bytes() == OTHER


def test_changed_file_whose_first_bytes_do_not_come_is_not_mixed_with_the_old(server, tmp_path, monkeypatch):
    monkeypatch.setattr(http_retry.time, "sleep", lambda _: server.files.update({"/a": OTHER}))
    server.faults["/a"] = iter([cut(1_500_000), cut(100)])
    fetch(f"{server.url}/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == OTHER


@pytest.mark.parametrize("length", [SIZE - 10, SIZE + 10])
def test_false_length_once(server, tmp_path, capsys, length):
    server.faults["/a"] = iter([announce(length)])
    error = run(f"{server.url}/a", tmp_path / "a", capsys, "--md5", MD5)
    if error is None:
        assert (tmp_path / "a").read_bytes() == DATA
        assert names(tmp_path) == ["a"]
    else:
        # nothing tells that more would have come but the md5
        assert length < SIZE and "md5" in error
        assert names(tmp_path) == []


def test_length_too_large_for_ever(server, tmp_path, capsys):
    server.faults["/a"] = repeat(announce(SIZE + 10))
    assert f"{ATTEMPTS} attempts" in run(f"{server.url}/a", tmp_path / "a", capsys)
    assert names(tmp_path) == []
    # all is there, as the md5 says
    assert run(f"{server.url}/a", tmp_path / "a", capsys, "--md5", MD5) is None
    assert (tmp_path / "a").read_bytes() == DATA


@pytest.mark.parametrize("length", ["x", "-5"])
def test_length_that_is_no_number_is_none(server, tmp_path, capsys, length):
    server.faults["/a"] = repeat(announce(length))
    assert "does not say how long" in run(f"{server.url}/a", tmp_path / "a", capsys)
    fetch(f"{server.url}/a", tmp_path / "a", MD5)
    assert (tmp_path / "a").read_bytes() == DATA


@pytest.mark.parametrize("at", [SIZE, SIZE // 2])
def test_file_whose_end_nothing_tells_is_refused(server, tmp_path, capsys, at):
    (tmp_path / "a").write_bytes(b"old")
    server.faults["/a"] = repeat(without_length(DATA[:at]))
    error = run(f"{server.url}/a", tmp_path / "a", capsys)
    assert error == f"error: {server.url}/a: the server does not say how long the file is; give its md5"
    assert (tmp_path / "a").read_bytes() == b"old" and names(tmp_path) == ["a"]
    assert len(server.requests) == 1
    # and the md5 tells
    error = run(f"{server.url}/a", tmp_path / "a", capsys, "--md5", MD5)
    assert error is None if at == SIZE else "md5" in error
    assert (tmp_path / "a").read_bytes() == (DATA if at == SIZE else b"old")


def test_transfer_coding_that_marks_the_end_needs_no_length(server, tmp_path):
    server.faults["/a"] = iter([chunked(DATA[: SIZE // 2], end=b""), chunked(DATA)])
    fetch(f"{server.url}/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == DATA
    assert len(server.requests) == 2
