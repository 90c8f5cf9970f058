"""Lines of annotation files, plain or compressed, and the numbers and strands in them; errors name file and line."""

from collections.abc import Iterator
from pathlib import Path

from workflow_scripts.common.compression import DAMAGE
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import open_text


def parse_non_negative(text: str, where: str, what: str) -> int:
    """A non-negative integer; ``what`` names the field in the error."""
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise UserError(f"{where}: {what} {text!r} is not a non-negative integer")
    return value


def parse_interval(start: str, end: str, where: str) -> tuple[int, int]:
    """The start and end of a half-open interval of at least one base."""
    first, last = parse_non_negative(start, where, "start"), parse_non_negative(end, where, "end")
    if first >= last:
        raise UserError(f"{where}: start {first} is not before end {last}; expected 0-based half-open coordinates")
    return first, last


def parse_strand(text: str, where: str) -> str:
    """A strand, + or -."""
    if text not in ("+", "-"):
        raise UserError(f"{where}: strand {text!r} is neither + nor -")
    return text


def nonempty_lines(path: Path) -> Iterator[tuple[str, str]]:
    """(file:line, text) of all lines that are not empty."""
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file")
    number = 0
    try:
        with open_text(path) as handle:
            for number, line in enumerate(handle, start=1):
                text = line.rstrip("\n")
                if text.strip():
                    yield f"{path}:{number}", text
    except (*DAMAGE, UnicodeError) as error:
        raise UserError(f"{path}: not readable after line {number} ({error}); download it again") from error


def data_lines(path: Path) -> Iterator[tuple[str, str]]:
    """(file:line, text) of all lines except empty lines, comments and browser headers."""
    return (line for line in nonempty_lines(path) if not line[1].startswith(("#", "track ", "browser ")))
