"""Opening plain and compressed files for reading; the first bytes of a file decide, not its name.

Imports only the standard library before a file is opened, because the Snakefile reads tables through this module before
any environment exists.
"""

import bz2
import gzip
import io
import lzma
import os
import zlib
from pathlib import Path
from typing import Any

SIGNATURES = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
BUFFER = 1 << 20
DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError)
"""What reading a damaged or truncated compressed file raises."""


def compression_of(path: str | os.PathLike) -> str | None:
    """gzip, bzip2, xz or zstd; None for a file that is not compressed."""
    with Path(path).open("rb") as handle:
        head = handle.read(max(map(len, SIGNATURES)))
    return next((name for signature, name in SIGNATURES.items() if head.startswith(signature)), None)


def open_bytes(path: str | os.PathLike) -> io.BufferedReader:
    """Open a file, plain or compressed, for buffered reading. Reading raises one of DAMAGE if it is damaged."""
    raw: Any
    match compression_of(path):
        case "gzip":
            raw = gzip.GzipFile(path)
        case "bzip2":
            raw = bz2.BZ2File(path)
        case "xz":
            raw = lzma.LZMAFile(path)  # noqa: SIM115  # the caller closes it
        case "zstd":
            import pyarrow  # only here, because it takes 40 MB and few files have this format

            raw = pyarrow.input_stream(str(path), compression="zstd")
        case _:
            raw = io.FileIO(path)
    return io.BufferedReader(raw, BUFFER)
