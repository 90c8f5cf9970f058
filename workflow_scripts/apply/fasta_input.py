"""Sequences from FASTA and .2bit files, one record in memory at a time."""

from collections.abc import Iterator
from pathlib import Path

from workflow_scripts.apply.records import Input, Record
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.fasta_blocks import read_letters
from workflow_scripts.common.twobit import Reader, bases, read_records


def fasta_input(path: Path) -> Input:
    """The records of a FASTA file, plain or compressed; what follows the name in a header is a column."""
    return Input(("description",), lambda: read_fasta(path))


def read_fasta(path: Path) -> Iterator[Record]:
    """Raises UserError as :func:`fasta_blocks.read_letters` does, and for a record without letters."""
    header, pieces, number = "", [""], 0
    for text, letters in read_letters(path):
        if text is not None:
            if number:
                yield fasta_record(path, number, header, pieces)
            header, pieces, number = text, [], number + 1
        pieces.append(letters.decode("ascii").upper())
    yield fasta_record(path, number, header, pieces)


def fasta_record(path: Path, number: int, header: str, pieces: list[str]) -> Record:
    """The record with this header and these letters; ``number`` counts from 1."""
    name, *rest = header.split(maxsplit=1)
    if not (letters := "".join(pieces)):
        raise UserError(f"{path}: record {number}, {name!r}: the sequence is empty; add it or remove the record")
    return Record(name, letters, (rest[0].strip() if rest else "",))


def twobit_input(path: Path, order: str) -> Input:
    """The contigs of a .2bit file of this byte order (see :func:`twobit.byte_order`)."""
    return Input((), lambda: read_twobit(path, order))


def read_twobit(path: Path, order: str) -> Iterator[Record]:
    """Raises UserError as :func:`twobit.read_records` does, and for a contig without letters."""
    reader = Reader(path, order, path)
    for name, record in read_records(reader, masks=False):
        if not record.length:
            raise UserError(f"{path}: contig {name!r}: the sequence is empty; remove it")
        yield Record(name, bases(reader, record, 0, record.length).decode("ascii"))
