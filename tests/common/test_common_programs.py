"""What all programs share: exit statuses, one-line errors, progress, random numbers."""

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from workflow_scripts.common import progress as progress_module
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import write_text
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.common.progress import Progress
from workflow_scripts.common.randomness import generator

REPOSITORY = Path(__file__).resolve().parents[2]
DRAW = """
import json
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.common.randomness import generator
print(json.dumps([stable_hash(42, "epoch", 3), generator(42, "masks").integers(0, 2**32, 3).tolist()]))
"""


def failing(error: BaseException):
    """A main that raises ``error``."""

    @program
    def main(argv=None):
        raise error

    return main


def test_success_is_status_0_and_main_gets_the_arguments():
    received = []

    @program
    def main(argv=None):
        """What it does."""
        received.append(argv)

    assert main(["a"]) == 0 and main() == 0
    assert received == [["a"], None]
    assert main.__name__ == "main" and main.__doc__ == "What it does."


def test_a_users_mistake_is_status_1_and_one_line(capsys):
    assert failing(UserError("table.tsv:3: bad value 'x'; do y"))() == 1
    captured = capsys.readouterr()
    assert captured.err == "error: table.tsv:3: bad value 'x'; do y\n" and captured.out == ""


def test_an_interruption_is_status_130(capsys):
    assert failing(KeyboardInterrupt())() == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize(
    "number",
    [errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENOSPC, errno.EDQUOT],
)
def test_an_os_error_that_a_user_can_fix_is_one_line(capsys, number):
    assert failing(OSError(number, os.strerror(number), "results/a"))() == 1
    captured = capsys.readouterr()
    assert captured.err.startswith(f"error: results/a: {os.strerror(number)}; ") and captured.err.count("\n") == 1
    assert captured.out == ""


def test_a_full_disk_is_one_line_even_without_a_file_name(capsys):
    @program
    def main(argv=None):
        with Path("/dev/full").open("w") as full:
            full.write("a")

    assert main() == 1
    assert capsys.readouterr().err == "error: No space left on device; make room and run again\n"


def test_occupied_paths_are_named_and_left_as_they_are(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    write = program(lambda out: write_text(tmp_path / out, "text"))
    messages = {
        "file/a": "file: File exists",
        "file/a/b": "file/a: Not a directory",
        "folder": "folder: Is a directory",
    }
    for out, message in messages.items():
        assert write(out) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"error: {tmp_path}/{message}; ") and error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
    assert list((tmp_path / "folder").iterdir()) == []


def test_bugs_and_argparse_exits_propagate():
    bugs = [OSError("no errno"), PermissionError(errno.EPERM, "of no file"), BrokenPipeError(errno.EPIPE, "x", "a")]
    for bug in [ZeroDivisionError(), *bugs]:
        with pytest.raises(type(bug)) as raised:
            failing(bug)()
        assert raised.value is bug
    with pytest.raises(SystemExit, match="2"):
        failing(SystemExit(2))()


def test_random_numbers_do_not_depend_on_the_hash_seed():
    here = [stable_hash(42, "epoch", 3), generator(42, "masks").integers(0, 2**32, 3).tolist()]
    # fixed values: splits and samples of earlier runs depend on them
    assert here == [10785478567369856522, [2586744552, 301802842, 3263949434]]
    for seed in ("0", "12345"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "LC_ALL": "C"}
        done = subprocess.run(
            [sys.executable, "-c", DRAW], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout) == here


def test_different_keys_have_different_hashes():
    keys = [(42,), (43,), (42, "a"), (42, "a", "b"), (42, "ab"), (42, "b", "a"), ("4", "2a")]
    assert len({stable_hash(*key) for key in keys}) == len(keys)
    assert all(0 <= stable_hash(*key) < 2**64 for key in keys)
    assert stable_hash(np.int64(42), "a") == stable_hash(42, "a")


def test_a_generator_depends_only_on_its_key():
    once = generator(42, "a").random(5)
    generator(42, "b").random(100)
    assert np.array_equal(once, generator(42, "a").random(5))
    assert not np.array_equal(once, generator(42, "b").random(5))
    # drawing in two portions gives the same numbers
    random = generator(42, "a")
    assert np.array_equal(once, np.concatenate([random.random(2), random.random(3)]))


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets."""
    now = [0.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: now[0])
    return now


def test_progress_in_a_log_is_occasional_plain_lines(capsys, clock):
    with Progress(2000, "chunk", "encoding") as progress:
        for _ in range(4):
            clock[0] += 4.0
            progress.step(500, note="GCA_1.1")
    stderr = capsys.readouterr().err
    assert "\r" not in stderr and "\x1b" not in stderr
    assert stderr.splitlines() == [
        "encoding: 1,500 of 2,000 (75%) chunks, 125.0/s, 4 s left; GCA_1.1",
        "encoding: 2,000 of 2,000 (100%) chunks, 125.0/s, 0 s left; GCA_1.1",
    ]


def test_progress_without_a_total_shows_the_count(capsys, clock):
    with Progress(None, "base", "reading") as progress:
        clock[0] += 2.0
        progress.step(1_000_000)
    assert capsys.readouterr().err == "reading: 1,000,000 bases, 500,000.0/s\n"


def test_progress_of_nothing_is_silent(capsys):
    with Progress(0, "chunk", "encoding"):
        pass
    assert capsys.readouterr().err == ""


def test_progress_on_a_terminal_is_a_bar(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress(4, "chunk", "encoding") as progress:
        progress.step(4)
    shown = terminal.getvalue()
    assert "\r" in shown and "100%" in shown and "4 of 4" not in shown
