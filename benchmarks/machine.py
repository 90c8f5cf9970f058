"""The machine of a measurement, and the cost of a whole process."""

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
# The extra process is needed because a child's peak memory starts at that of its parent.
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)
"""


def cost(arguments: list[str]) -> tuple[float, int]:
    """(CPU seconds, peak memory in bytes) of a complete run of Python with these arguments, on one thread."""
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ARROW_IO_THREADS": "1"}
    whole = [sys.executable, "-c", MEASURE, sys.executable, *arguments]
    run = subprocess.run(
        whole, cwd=REPOSITORY, env=os.environ | one_thread, check=True, stdout=subprocess.PIPE, text=True
    )
    processor, peak = run.stdout.split()
    return float(processor), int(peak)


def machine(*packages: str) -> str:
    """The processor, the number of cores, and the versions of Python and of ``packages``."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    parts = [models[0] if models else platform.machine(), f"{os.cpu_count()} cores"]
    return ", ".join([*parts, f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)])
