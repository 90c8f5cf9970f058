"""How the tests of the workflow run Snakemake."""

import fcntl
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
# The name of a folder that a shell would make something of; a file `executed` somewhere would show it.
AWKWARD = 'it\'s; a "clone" $(touch executed) `touch executed` & \\'


def snakemake(*arguments: str, cwd: Path = REPOSITORY, check: bool = True) -> subprocess.CompletedProcess:
    """Run Snakemake as a user would; the output of both streams is in ``stdout``."""
    command = [str(Path(sys.executable).with_name("snakemake")), *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert not check or done.returncode == 0, done.stdout[-6000:]
    return done


def demo_results() -> Path:
    """The results of the demo in this repository, which is run first where it has not been (minutes).

    One test process at a time: Snakemake locks the folder.
    """
    folder = REPOSITORY / ".snakemake"
    folder.mkdir(exist_ok=True)
    with (folder / "demo_results.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        snakemake("--profile", "profiles/demo")
    return REPOSITORY / "results"


def job_counts(output: str) -> dict[str, int]:
    """The job counts of a dry run, by rule; empty when there is nothing to be done."""
    table = re.search(r"^job +count\n-+ +-+\n((?:\S+ +\d+\n)+)", output, re.M)
    if table is None:
        assert "Nothing to be done" in output, output[-3000:]
        return {}
    rows = (line.split() for line in table.group(1).splitlines())
    return {name: int(count) for name, count in rows if name not in ("total", "all")}


def clone(target: Path) -> Path:
    """A copy of the tracked and the new files of this repository, as a fresh checkout has them: all mtimes are now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        source, copy = REPOSITORY / name, target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            copy.symlink_to(source.readlink())
        elif source.exists():
            shutil.copyfile(source, copy)
    return target


def tiny(root: Path) -> list[str]:
    """The options that choose the tiny configuration of a clone."""
    return ["--configfile", str(root / "config/demo.yaml"), str(root / "tests/workflow/tiny.yaml")]


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Callable[[str], None]]:
    """A file system of its own at ``folder``; gives a function that mounts it anew with other options (size, ro, rw).

    Skips the test where nothing may be mounted.
    """

    def mount(*options: str) -> None:
        done = subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"needs the right to mount a file system: {done.stderr.strip()}")

    folder.mkdir(parents=True)
    mount("-o", f"size={kilobytes}k")
    try:
        yield lambda options: mount("-o", f"remount,{options}")
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
