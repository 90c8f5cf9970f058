"""Atomic writes, hashes, JSON, tables, and gzip without timestamps."""

import codecs
import gzip
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from workflow_scripts.common.compression import open_bytes
from workflow_scripts.common.errors import UserError


def readable(path: Path) -> None:
    """Give a file, or a folder and all in it, the mode that the umask gives new ones.

    Temporary folders and the files of some writers (safetensors) are readable by their owner only.
    """
    mask = os.umask(0)
    os.umask(mask)
    for entry in [path, *path.rglob("*")]:
        if not entry.is_symlink():
            entry.chmod((0o777 if entry.is_dir() else 0o666) & ~mask)


@contextmanager
def atomic(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path next to ``path``; rename it to ``path`` on success, remove it on any failure."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        readable(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_directory(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary folder next to ``path``; replace ``path`` by it on success only."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    try:
        yield temporary
        readable(temporary)
        if path.exists():
            shutil.rmtree(path)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def digest(path: str | os.PathLike, algorithm: str = "sha256") -> str:
    """Hexadecimal digest of a file's bytes."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, algorithm).hexdigest()


def sums_text(digests: Mapping[str, str]) -> str:
    """The content of SHA256SUMS, which ``sha256sum -c`` checks: the SHA-256 of each file of a folder by its name."""
    return "".join(f"{digest}  {name}\n" for name, digest in digests.items())


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write UTF-8 text with LF line ends, completely or not at all."""
    with atomic(path) as temporary:
        temporary.write_bytes(text.encode())


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Write JSON with sorted keys, so that equal values give equal bytes."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: str | os.PathLike) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def open_text(path: str | os.PathLike) -> TextIO:
    """Open a text, plain or compressed, for reading with universal line ends: UTF-8, or UTF-16 with its BOM."""
    binary = open_bytes(path)
    utf16 = binary.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return io.TextIOWrapper(binary, encoding="utf-16" if utf16 else "utf-8-sig", newline=None)


def too_many(damaged: int, rows: int) -> bool:
    """Whether a table with ``damaged`` among its first ``rows`` rows is damaged: over ten and one of 1,000."""
    return damaged > 10 + rows // 1000


def write_gzip(path: str | os.PathLike, data: bytes, level: int = 6) -> None:
    """Write gzip without name and timestamp, so that equal data give equal bytes."""
    with atomic(path) as temporary, temporary.open("wb") as raw:
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=level) as handle:
            handle.write(data)


def numbered_rows(path: str | os.PathLike) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, row) of a tab-separated table with a header line.

    Every value is a string; empty lines and lines that begin with # are skipped. Raises UserError if the table is
    missing, has no header, or a row's columns do not match the header.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such table")
    header = None
    with open_text(path) as handle:
        for number, line in enumerate(handle, start=1):
            values = line.rstrip("\n").split("\t")
            if not line.strip() or line.startswith("#"):
                continue
            if header is None:
                header = values
            elif len(values) != len(header):
                raise UserError(f"{path}:{number}: {len(values)} columns where the header has {len(header)}")
            else:
                yield number, dict(zip(header, values, strict=True))
    if header is None:
        raise UserError(f"{path}: empty table; the first line must name the columns")


def read_table(path: str | os.PathLike) -> list[dict[str, str]]:
    """All rows of a table; see :func:`numbered_rows`."""
    return [row for _, row in numbered_rows(path)]


def write_table(path: str | os.PathLike, rows: Iterable[dict[str, Any]], columns: list[str]) -> None:
    """Write rows as a tab-separated table with the given columns; ``None`` becomes an empty cell.

    Raises ValueError for a value with a tab or a line end, which the format cannot represent.
    """
    lines = [columns, *(["" if row[column] is None else str(row[column]) for column in columns] for row in rows)]
    for line in lines:
        if any(set(cell) & set("\t\r\n") for cell in line):
            raise ValueError(f"{path}: a cell has a tab or line end: {line}")
    write_text(path, "".join("\t".join(line) + "\n" for line in lines))
