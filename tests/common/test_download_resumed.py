"""A partial file of an earlier process is continued, and no two processes write the same one."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import time
from itertools import chain, repeat
from pathlib import Path

import pytest

from tests.common.transfers import DATA, MD5, OTHER, SIZE, names, run
from tests.server import answer, cut, stall
from workflow_scripts.common import locks
from workflow_scripts.common.downloads import fetch
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.http_retry import ATTEMPTS

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def fetching(server, tmp_path):
    """Starts a process that downloads /a and stalls at byte ``at``; returns it when its partial file has that size."""
    started = []

    def start(at):
        server.faults["/a"] = iter([stall(at)])
        command = [sys.executable, "-m", "workflow_scripts.gue.fetch_source", "--url", f"{server.url}/a"]
        command += ["--out", str(tmp_path / "a"), "--md5", MD5]
        process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.DEVNULL)
        started.append(process)
        partial = tmp_path / ".a.part"
        deadline = time.monotonic() + 30
        while not partial.exists() or partial.stat().st_size < at:
            assert process.poll() is None and time.monotonic() < deadline
            os.sched_yield()
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_the_partial_file_of_a_killed_process_is_continued(server, tmp_path, capsys, fetching):
    at = SIZE * 9 // 10
    process = fetching(at)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert names(tmp_path) == [".a.part"]
    assert run(f"{server.url}/a", tmp_path / "a", capsys, "--md5", MD5) is None
    assert (tmp_path / "a").read_bytes() == DATA
    assert names(tmp_path) == ["a"]
    assert server.sent("/a") == [at, SIZE - at]


def test_two_processes_do_not_write_the_same_partial_file(server, tmp_path, capsys, fetching):
    process = fetching(1_000_000)
    assert "another process" in run(f"{server.url}/a", tmp_path / "a", capsys, "--md5", MD5)
    assert process.poll() is None
    assert (tmp_path / ".a.part").read_bytes() == DATA[:1_000_000]
    assert server.sent("/a") == [1_000_000]


def test_a_given_up_transfer_is_continued_by_the_next_call(server, tmp_path):
    server.faults["/a"] = chain([cut(1_800_000)], repeat(answer(503), ATTEMPTS))
    with pytest.raises(UserError, match="503"):
        fetch(f"{server.url}/a", tmp_path / "a", MD5)
    assert names(tmp_path) == [".a.part"]
    assert fetch(f"{server.url}/a", tmp_path / "a", MD5).sha256 == hashlib.sha256(DATA).hexdigest()
    assert server.sent("/a")[-1] == 200_000


@pytest.mark.parametrize(
    ("existing", "sent"),
    [
        (DATA, []),  # complete: killed just before it was renamed
        (OTHER[:500_000], [1_500_000, SIZE]),  # of another file
        (OTHER, [0, SIZE]),  # of another file of the same size
        (DATA + b"more", [0, SIZE]),  # of a larger file
        (b"", [SIZE]),
    ],
    ids=["whole", "other", "other of the same size", "larger", "empty"],
)
def test_the_md5_decides_whether_an_existing_partial_file_is_used(server, tmp_path, existing, sent):
    (tmp_path / ".a.part").write_bytes(existing)
    fetch(f"{server.url}/a", tmp_path / "a", MD5)
    assert (tmp_path / "a").read_bytes() == DATA
    assert names(tmp_path) == ["a"]
    assert server.sent("/a") == sent


def test_a_partial_file_of_another_file_and_a_wrong_md5(server, tmp_path, capsys):
    (tmp_path / ".a.part").write_bytes(OTHER[:500_000])
    assert f"md5 is {MD5}" in run(f"{server.url}/a", tmp_path / "a", capsys, "--md5", "0" * 32)
    assert server.sent("/a") == [1_500_000, SIZE]
    assert names(tmp_path) == []


@pytest.mark.parametrize("local", [False, True])
def test_without_an_md5_an_existing_partial_file_is_discarded(server, tmp_path, local):
    (tmp_path / "source").write_bytes(DATA)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".a.part").write_bytes(OTHER[:500_000])
    fetch(str(tmp_path / "source") if local else f"{server.url}/a", tmp_path / "out" / "a")
    assert (tmp_path / "out" / "a").read_bytes() == DATA
    assert names(tmp_path / "out") == ["a"]


def test_a_partial_file_that_was_renamed_meanwhile_is_not_written_to(server, tmp_path, monkeypatch):
    """The lock is acquired on a file that is no longer the partial file and must not change."""
    flock, partial = locks.fcntl.flock, tmp_path / ".a.part"
    partial.write_bytes(b"finished by another")

    def finish_first(handle, flags):
        if partial.exists() and not (tmp_path / "b").exists():
            partial.rename(tmp_path / "b")
        flock(handle, flags)

    monkeypatch.setattr(locks.fcntl, "flock", finish_first)
    fetch(f"{server.url}/a", tmp_path / "a", MD5)
    assert (tmp_path / "a").read_bytes() == DATA
    assert (tmp_path / "b").read_bytes() == b"finished by another"


def test_a_file_system_without_locks(server, tmp_path, monkeypatch):
    def flock(_handle, _flags):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(locks.fcntl, "flock", flock)
    fetch(f"{server.url}/a", tmp_path / "a", MD5)
    assert (tmp_path / "a").read_bytes() == DATA


def test_a_full_disk_is_one_line_and_keeps_the_partial_file(server, tmp_path, capsys):
    limit = "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
    limit += "from workflow_scripts.gue.fetch_source import main; sys.exit(main())"
    asked = ["--url", f"{server.url}/a", "--out", str(tmp_path / "a"), "--md5", MD5]
    done = subprocess.run([sys.executable, "-c", limit, *asked], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert ".a.part: File too large" in done.stderr.splitlines()[-1]
    assert (tmp_path / ".a.part").read_bytes() == DATA[:1_000_000]
    assert run(f"{server.url}/a", tmp_path / "a", capsys, "--md5", MD5) is None
    assert server.sent("/a")[-1] == SIZE - 1_000_000
