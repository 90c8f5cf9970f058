"""The lines of the plan of a run, and quantities in words."""

from collections.abc import Sequence
from typing import NamedTuple

# Round numbers: what one GPU of a data centre, and one core of a processor, may do with a model of this size.
GPU, CORE = 1e14, 1e11
# From here on a run is a long one: bytes to download or to write, operations.
LARGE_BYTES, LARGE_OPERATIONS = 5e9, 1e18


class Line(NamedTuple):
    """What is to be done, and whether it is much."""

    text: str
    large: bool = False


def in_units(value: float, units: Sequence[tuple[float, str]]) -> str:
    """A value in the largest of the units that it fills; the last unit is the smallest."""
    size, unit = next(((size, unit) for size, unit in units if value >= size), units[-1])
    return f"{value / size:,.{0 if value / size >= 10 else 1}f} {unit}"


def duration(seconds: float) -> str:
    return in_units(seconds, [(3600, "hours"), (60, "minutes"), (1, "seconds")])


def size(count: float) -> str:
    return in_units(count, [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")])


def bases(count: float) -> str:
    return in_units(count, [(1e9, "Gbp"), (1e6, "Mbp"), (1e3, "kbp")])


def effort(operations: float, gpus: int) -> str:
    """Operations, and the time that they take."""
    rate, name = (GPU, "GPU") if gpus else (CORE, "core")
    return f"{operations:.1e} operations, {duration(operations / rate)} of one {name} at {rate / 1e12:g} TFLOP/s"
