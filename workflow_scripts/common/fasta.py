"""FASTA files, plain or compressed, in blocks: what every reader of them shares."""

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
DAMAGE = (EOFError, OSError, zlib.error, isal_zlib.error)
GZIP = b"\x1f\x8b"


def open_fasta(path: str | os.PathLike) -> BinaryIO:
    """Open a plain or gzip file, told by its first bytes, for buffered reading of bytes."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    with path.open("rb") as handle:
        packed = handle.read(len(GZIP)) == GZIP
    raw = igzip.open(path, "rb") if packed else path.open("rb", buffering=0)
    return io.BufferedReader(raw, BUFFER)


def read_blocks(path: str | os.PathLike, opened: Opener) -> Iterator[bytes]:
    """The text of a file in blocks of about BUFFER bytes, none of which ends within a header.

    A block that begins a line has a line end put before it, so that every header stands behind one.

    Raises UserError when the compressed stream is damaged or cut short.
    """
    with opened(path) as handle:
        begins_line = True
        try:
            while block := handle.read(BUFFER):
                text = b"\n" + block if begins_line else block
                if text.startswith(b">", text.rfind(b"\n") + 1):
                    text += handle.readline()
                begins_line = text.endswith(b"\n")
                yield text
        except DAMAGE as error:
            raise UserError(f"{path}: damaged or truncated file ({error}); fetch it again") from None


def read_pieces(path: str | os.PathLike, opened: Opener = open_fasta) -> Iterator[tuple[bytes | None, bytes]]:
    """(header line without >, lines behind it) of each record, and (None, lines) where a block goes on with a record.

    So the first piece of a file is what stands before its first header. Lines keep their white space.
    """
    for text in read_blocks(path, opened):
        lines, *records = text.split(b"\n>") if b">" in text else [text]  # one letter is found faster than two
        yield None, lines
        for record in records:
            header, _, lines = record.partition(b"\n")
            yield header, lines
