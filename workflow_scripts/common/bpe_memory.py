"""Memory and time of training a BPE vocabulary, estimated before it starts."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from workflow_scripts.common.errors import UserError

FIXED = 400_000_000  # bytes: interpreter, compiler and input buffers
PER_ENTRY_SQUARED = 10  # bytes: a 64-bit count and a 16-bit slot for each pair of tokens
PER_CELL = 3.25  # bytes: a 16-bit id, a quarter of a 32-bit position, and a reserve of a quarter of a byte
SECONDS_PER_CELL = 5e-8  # on one core; measured by benchmarks/tokenizer.py
CONTROL_GROUPS = {  # by the controllers in /proc/self/cgroup: version 2 lists none
    "": (Path("/sys/fs/cgroup"), "memory.max"),
    "memory": (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
}


def needed_bytes(cells: int, vocab_size: int) -> int:
    """Peak memory; a cell is a base or the end of a chunk."""
    return int(FIXED + PER_ENTRY_SQUARED * vocab_size**2 + PER_CELL * cells)


def cells_that_fit(available: int, vocab_size: int) -> int:
    """The largest number of cells that can be trained on in ``available`` bytes; 0 if there is none."""
    return max(int((available - needed_bytes(0, vocab_size)) / PER_CELL), 0)


def two_digits(number: int) -> int:
    """``number`` rounded down to two significant digits."""
    unit = 10 ** max(len(str(number)) - 2, 0)
    return number // unit * unit


def available_bytes() -> int:
    """Memory that a process may use: free memory of the machine, or less if a control group limits it (Slurm)."""
    return min([*machine_limits(), *control_group_limits()])


def machine_limits() -> Iterator[int]:
    """Total memory of the machine and, where Linux reports it, available memory, in bytes."""
    yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for line in lines_of(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024


def control_group_limits() -> Iterator[int]:
    """The limits of the control groups of this process, and of their parents, in bytes."""
    for line in lines_of(Path("/proc/self/cgroup")):
        _, controllers, group = line.split(":", 2)
        if controllers in CONTROL_GROUPS:
            root, name = CONTROL_GROUPS[controllers]
            place = PurePosixPath(group.lstrip("/"))
            for folder in (place, *place.parents):
                yield from (int(value) for value in lines_of(root / folder / name) if value.isdigit())


def lines_of(path: Path) -> list[str]:
    """The lines of a system file; none if it cannot be read."""
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def check(bases: int, cells: int, vocab_size: int, available: int) -> None:
    """Raise UserError if a sample of ``bases`` in ``cells`` does not fit the memory; the message suggests one."""
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
    """One line with the expected memory and time of the training."""
    gigabytes, seconds = needed_bytes(cells, vocab_size) / 1e9, cells * SECONDS_PER_CELL / threads
    return f"training on {bases:,} bases: about {gigabytes:,.1f} GB of memory and {seconds:,.0f} s on {threads} cores"
