"""Memory and time of training a BPE vocabulary, known before it starts."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from workflow_scripts.common.errors import UserError

FIXED = 400_000_000  # bytes: interpreter, compiler and what is being read
PER_ENTRY_SQUARED = 10  # bytes: counts of 64 and slots of 16 bits for each pair of tokens
PER_CELL = 3.25  # bytes: an id of 16 bits, a quarter of a place of 32 bits, and a quarter of a byte to spare
SECONDS_PER_CELL = 5e-8  # of one core; benchmarks/tokenizer.py measures it
CONTROL_GROUPS = {  # by the controllers that /proc/self/cgroup names: version 2 names none
    "": (Path("/sys/fs/cgroup"), "memory.max"),
    "memory": (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
}


def needed_bytes(cells: int, vocab_size: int) -> int:
    """Memory at its peak; a cell is a base or the end of a chunk."""
    return int(FIXED + PER_ENTRY_SQUARED * vocab_size**2 + PER_CELL * cells)


def cells_that_fit(available: int, vocab_size: int) -> int:
    """The largest array that ``available`` bytes hold with all that goes with it; 0 if there is none."""
    return max(int((available - needed_bytes(0, vocab_size)) / PER_CELL), 0)


def two_digits(number: int) -> int:
    """Rounded down to two significant digits."""
    unit = 10 ** max(len(str(number)) - 2, 0)
    return number // unit * unit


def available_bytes() -> int:
    """Memory that a process may take: what the machine has free, or less where a control group limits it (Slurm)."""
    return min([*machine_limits(), *control_group_limits()])


def machine_limits() -> Iterator[int]:
    """Bytes that the machine has free; without Linux's word on it, all that it has."""
    yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for line in lines_of(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024


def control_group_limits() -> Iterator[int]:
    """The limits of the control groups that this process is in, and of those around them, in bytes."""
    for line in lines_of(Path("/proc/self/cgroup")):
        _, controllers, group = line.split(":", 2)
        if controllers in CONTROL_GROUPS:
            root, name = CONTROL_GROUPS[controllers]
            place = PurePosixPath(group.lstrip("/"))
            for folder in (place, *place.parents):
                yield from (int(value) for value in lines_of(root / folder / name) if value.isdigit())


def lines_of(path: Path) -> list[str]:
    """The lines of a system file; none where it is not there."""
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def check(bases: int, cells: int, vocab_size: int, available: int) -> None:
    """Refuse a sample of ``bases`` in ``cells`` that the memory does not hold; the message names one that fits."""
    needed = needed_bytes(cells, vocab_size)
    if needed <= available:
        return
    fits = two_digits(cells_that_fit(available, vocab_size) * bases // cells)
    remedy = f"sample_bases: {fits} fits" if fits else "lower vocab_size"
    raise UserError(
        f"tokenizer: {bases:,} bases and {vocab_size:,} entries need {needed / 1e9:,.1f} GB of memory, "
        f"{available / 1e9:,.1f} GB are free; {remedy}"
    )


def forecast(bases: int, cells: int, vocab_size: int, threads: int) -> str:
    """One line on what the training will take."""
    gigabytes, seconds = needed_bytes(cells, vocab_size) / 1e9, cells * SECONDS_PER_CELL / threads
    return f"training on {bases:,} bases: about {gigabytes:,.1f} GB of memory and {seconds:,.0f} s on {threads} cores"
