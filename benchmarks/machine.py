"""What figures were measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


def machine(*packages: str) -> str:
    """The processor, the number of cores, and the versions of Python and of ``packages``."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    parts = [models[0] if models else platform.machine(), f"{os.cpu_count()} cores"]
    return ", ".join([*parts, f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)])
