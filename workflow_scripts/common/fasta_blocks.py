"""FASTA files of nucleotides, plain or compressed, read in blocks; all FASTA readers of the workflow use this module.

Line ends may be LF, CRLF, CR or a mixture. A BOM, blank lines, lines that begin with ; (comments) and white space in a
sequence are ignored. Letters follow :mod:`workflow_scripts.common.letters`.
"""

import codecs
import io
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from isal import igzip, isal_zlib

from workflow_scripts.common import compression
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.letters import DNA, IUPAC, like_protein

WHITE = b" \t\r\n\v\f"
BUFFER = 1 << 20
CODES = (IUPAC + IUPAC.lower()).encode()
COMMENT = re.compile(rb"\n;[^\n]*")
ISAL_ERROR: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # its stub declares an instance
DAMAGE = (*compression.DAMAGE, ISAL_ERROR)


def open_fasta(path: str | os.PathLike) -> BinaryIO:
    """Open a plain or compressed file, recognised by its first bytes, for buffered reading of bytes."""
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file; check the path")
    if compression.compression_of(path) == "gzip":  # three times as fast as the standard library
        return io.BufferedReader(igzip.open(path, "rb"), BUFFER)
    return compression.open_bytes(path)


def read_unix_text(handle: BinaryIO) -> Iterator[bytes]:
    """Blocks of about BUFFER bytes with LF line ends, without a BOM."""
    block = handle.read(len(codecs.BOM_UTF8)).removeprefix(codecs.BOM_UTF8) + handle.read(BUFFER)
    while block:
        while block.endswith(b"\r") and (more := handle.read(1)):
            block += more
        yield block.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in block else block
        block = handle.read(BUFFER)


def read_blocks(path: str | os.PathLike, shown: str | os.PathLike) -> Iterator[bytes]:
    """The text of a file in blocks of about BUFFER bytes, none of which ends within a header; comments are removed.

    A line end is inserted before each block that starts a line, so that every header follows a line end.

    Raises UserError with ``shown``, the file's name for people, if the compressed stream is damaged or truncated.
    """
    held, starts_line = b"", True
    with open_fasta(path) as handle:
        try:
            for block in read_unix_text(handle):
                text = held + b"\n" + block if starts_line else held + block
                last = text.rfind(b"\n")
                held = text[last:] if text.startswith((b">", b";"), last + 1) else b""
                starts_line = not held and text.endswith(b"\n")
                yield without_comments(text[: len(text) - len(held)])
            yield without_comments(held)
        except DAMAGE as error:
            raise UserError(f"{shown}: damaged or truncated file ({error}); download it again") from None


def without_comments(text: bytes) -> bytes:
    """The text without the lines that begin with ; after a line end."""
    return COMMENT.sub(b"", text) if b";" in text else text


def read_pieces(path: str | os.PathLike, shown: str | os.PathLike) -> Iterator[tuple[bytes | None, bytes]]:
    """(header line without >, lines after it) of each record, and (None, lines) for a record's rest in the next block.

    The first piece of a file is thus the text before its first header. Lines keep their white space.
    """
    for text in read_blocks(path, shown):
        lines, *records = text.split(b"\n>") if b">" in text else [text]  # searching one byte is faster than two
        yield None, lines
        for record in records:
            header, _, lines = record.partition(b"\n")
            yield header, lines


def header_text(header: bytes) -> str:
    """The header as text; bytes that are not UTF-8 are escaped, so that names stay distinct."""
    return header.decode("utf-8", errors="backslashreplace")


def every_record(header: str) -> bool:
    """The default of read_letters: all records are read."""
    return True


def read_letters(
    path: str | os.PathLike, shown: str | os.PathLike = "", wanted: Callable[[str], bool] = every_record
) -> Iterator[tuple[str | None, bytes]]:
    """(header line without >, letters after it) of each record, and (None, letters) for more letters of a record.

    Letters keep their case; U is T. The letters of a record whose header is not ``wanted`` are left out unread. Errors
    name ``shown`` instead of ``path``, if the latter is a temporary copy.

    Raises UserError, with the line, for text before the first header, a header without name and letters that are not
    nucleotide codes; also for a file without records or without any letter, and for a damaged one.
    """
    shown = shown or path
    headers, count, reading = 0, 0, True
    for header, lines in read_pieces(path, shown):
        text = None if header is None else header_text(header)
        if text is not None:
            headers += 1
            reading = wanted(text)
        if not reading:
            yield text, b""
            continue
        letters = lines.translate(DNA, WHITE)
        nameless = text is not None and not text[:1].strip()
        if nameless or (letters and not headers) or letters.translate(None, CODES):
            raise first_mistake(path, shown, wanted)
        count += len(letters)
        yield text, letters
    if not headers:
        raise UserError(f"{shown}: no FASTA record; the file is empty")
    if not count and wanted is every_record:
        raise UserError(f"{shown}: no record has a sequence; the file may be truncated, download it again")


def first_mistake(path: str | os.PathLike, shown: str | os.PathLike, wanted: Callable[[str], bool]) -> UserError:
    """The error of the first line that read_letters refuses; this second pass counts lines, which takes time."""
    name, reading = "", True
    with open_fasta(path) as handle:
        lines = io.TextIOWrapper(handle, encoding="utf-8-sig", errors="backslashreplace", newline=None)
        for number, line in enumerate(lines, start=1):
            place = f"{shown}:{number}"
            if line.startswith(">"):
                reading = wanted(line[1:].rstrip("\n"))
                if reading and not line[1:2].strip():
                    return UserError(f"{place}: the header has no name; write '>name' with no space between")
                name = name if not reading else line[1:].split()[0]
            elif reading and line.strip() and not line.startswith(";"):
                if not name:
                    return UserError(f"{place}: text before the first header; a FASTA file begins with '>'")
                if wrong := "".join(sorted(set("".join(line.split())) - set(CODES.decode()))):
                    hint = "; this looks like protein" if like_protein(wrong) else " without gaps, not protein"
                    return UserError(
                        f"{place}: contig {name} has {wrong!r}, which are not nucleotide codes; give DNA or RNA{hint}"
                    )
    raise ValueError(f"{path}: the file has changed while it was read")
