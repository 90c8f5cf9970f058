"""Tables of chunks: their columns, Arrow arrays over numpy's memory, fingerprints, and the Parquet writer."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

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


def column(values: np.ndarray, kind: pa.DataType) -> pa.Array:
    """An Arrow array over numpy's memory; pa.array would import pandas, which takes longer than to cut a bacterium."""
    values = np.ascontiguousarray(values, kind.to_pandas_dtype())
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def texts(letters: bytes | np.ndarray, sizes: np.ndarray) -> pa.Array:
    """An Arrow array of texts that lie end to end in ``letters``, of ``sizes`` bytes each."""
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return pa.StringArray.from_buffers(len(sizes), pa.py_buffer(offsets), pa.py_buffer(letters))


def words(values: list[str]) -> pa.Array:
    """An Arrow array of some words."""
    encoded = [value.encode() for value in values]
    return texts(b"".join(encoded), np.array([len(word) for word in encoded], dtype=np.int64))


def fingerprints(letters: np.ndarray, both_strands: bool) -> np.ndarray:
    """(n,) uint64 from (n, length) upper-case letters: 8 bytes of blake2b.

    With ``both_strands`` the smaller one of the window and of its reverse complement, which share it so.
    """
    length = letters.shape[1]
    forward = letters.tobytes()
    found = digests(forward, length)
    if both_strands:  # read backwards, all windows stand in the other order
        backward = digests(forward.translate(COMPLEMENT)[::-1], length)
        found = np.minimum(found, backward[::-1])
    return found


def digests(text: bytes, length: int) -> np.ndarray:
    """(n,) uint64: the blake2b of each ``length`` bytes."""
    view = memoryview(text)
    parts = (view[first : first + length] for first in range(0, len(text), length))
    return np.frombuffer(b"".join(hashlib.blake2b(part, digest_size=8).digest() for part in parts), "<u8")


def open_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Open a table of chunks for writing; sequences hardly repeat, a dictionary would be as large as they are."""
    return pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=["contig", "split"])
