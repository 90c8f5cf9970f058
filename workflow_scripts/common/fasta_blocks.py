"""FASTA files, plain or compressed, read in blocks; all FASTA readers of the workflow use this module."""

import io
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from isal import igzip, isal_zlib

from workflow_scripts.common.errors import UserError

WHITE = b" \t\r\n\v\f"
BUFFER = 1 << 20
Opener = Callable[[str | os.PathLike], BinaryIO]
ISAL_ERROR: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # its stub declares an instance
DAMAGE = (EOFError, OSError, zlib.error, ISAL_ERROR)
GZIP = b"\x1f\x8b"


def open_fasta(path: str | os.PathLike) -> BinaryIO:
    """Open a plain or gzipped file, recognised by its first bytes, for buffered reading of bytes."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; check the path")
    with path.open("rb") as handle:
        gzipped = handle.read(len(GZIP)) == GZIP
    raw = igzip.open(path, "rb") if gzipped else path.open("rb", buffering=0)
    return io.BufferedReader(raw, BUFFER)


def read_blocks(path: str | os.PathLike, opened: Opener) -> Iterator[bytes]:
    """The text of a file in blocks of about BUFFER bytes, none of which ends within a header.

    A line end is inserted before each block that starts a line, so that every header follows a line end.

    Raises UserError if the compressed stream is damaged or truncated.
    """
    with opened(path) as handle:
        starts_line = True
        try:
            while block := handle.read(BUFFER):
                text = b"\n" + block if starts_line else block
                if text.startswith(b">", text.rfind(b"\n") + 1):
                    text += handle.readline()
                starts_line = text.endswith(b"\n")
                yield text
        except DAMAGE as error:
            raise UserError(f"{path}: damaged or truncated file ({error}); download it again") from None


def read_pieces(path: str | os.PathLike, opened: Opener = open_fasta) -> Iterator[tuple[bytes | None, bytes]]:
    """(header line without >, lines after it) of each record, and (None, lines) for a record's rest in the next block.

    The first piece of a file is thus the text before its first header. Lines keep their white space.
    """
    for text in read_blocks(path, opened):
        lines, *records = text.split(b"\n>") if b">" in text else [text]  # searching one byte is faster than two
        yield None, lines
        for record in records:
            header, _, lines = record.partition(b"\n")
            yield header, lines
