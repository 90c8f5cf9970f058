"""Tables of chunks: columns, Arrow arrays over numpy memory, fingerprints, reading and writing Parquet."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.common.errors import UserError

COMPLEMENT = bytes.maketrans(b"ACGT", b"TGCA")
SCHEMA = pa.schema(
    [
        ("contig", pa.dictionary(pa.int32(), pa.string())),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("sequence", pa.string()),
        ("soft_masked", pa.float32()),
        ("split", pa.string()),
    ]
)
FINGERPRINT = pa.field("fingerprint", pa.uint64())
KEEP, DUPLICATE, OVER_CAP = 0, 1, 2  # the choice for each window


def number_array(values: np.ndarray, kind: pa.DataType) -> pa.Array:
    """An Arrow array over numpy memory; pa.array would import pandas, which takes longer than cutting a bacterium."""
    values = np.ascontiguousarray(values, kind.to_pandas_dtype())
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def string_array(letters: bytes | np.ndarray, sizes: np.ndarray) -> pa.Array:
    """An Arrow array of strings of ``sizes`` bytes, which are end to end in ``letters``."""
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return pa.StringArray.from_buffers(len(sizes), pa.py_buffer(offsets), pa.py_buffer(letters))


def name_array(values: list[str]) -> pa.Array:
    """An Arrow array of a few strings."""
    encoded = [value.encode() for value in values]
    return string_array(b"".join(encoded), np.array([len(name) for name in encoded], dtype=np.int64))


def fingerprints(letters: np.ndarray, both_strands: bool) -> np.ndarray:
    """Fingerprints (n,) uint64 of windows (n, length) of upper-case letters: 8 bytes of blake2b.

    With ``both_strands`` the smaller one of the window's and its reverse complement's, so that both have the same.
    """
    length = letters.shape[1]
    forward = letters.tobytes()
    found = digests(forward, length)
    if both_strands:  # reversing the text reverses the order of the windows too
        backward = digests(forward.translate(COMPLEMENT)[::-1], length)
        found = np.minimum(found, backward[::-1])
    return found


def digests(text: bytes, length: int) -> np.ndarray:
    """8 bytes of blake2b of each ``length`` bytes, (n,) uint64."""
    view = memoryview(text)
    parts = (view[first : first + length] for first in range(0, len(text), length))
    return np.frombuffer(b"".join(hashlib.blake2b(part, digest_size=8).digest() for part in parts), "<u8")


def open_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Open a table of chunks for writing; without a dictionary of sequences, which hardly repeat."""
    return pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=["contig", "split"])


def open_windows(path: Path) -> pq.ParquetFile:
    """Open a genome's table of windows.

    Raises UserError if it is missing, or lacks the columns or the accession that chunk_genome writes.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such table; cut the genome first")
    try:
        windows = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise UserError(f"{path}: not a Parquet file ({error}); remove it and run again") from None
    schema = windows.schema_arrow
    if schema not in (SCHEMA, SCHEMA.append(FINGERPRINT)) or b"accession" not in (schema.metadata or {}):
        windows.close()
        raise UserError(
            f"{path}: not a table of windows by chunk_genome (columns {', '.join(schema.names)}); "
            "remove it and run again"
        )
    return windows


def accession_of(windows: pq.ParquetFile) -> str:
    """The accession of the genome that a table of windows belongs to."""
    return windows.schema_arrow.metadata[b"accession"].decode()
