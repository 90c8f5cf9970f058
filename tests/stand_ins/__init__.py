"""Stand-ins for published code: the interface of a family, and none of its code. Tests copy them into directories."""

from pathlib import Path

FOLDER = Path(__file__).parent
