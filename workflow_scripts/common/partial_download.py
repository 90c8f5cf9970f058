"""The partial file of a download: hidden next to the final file, locked by one process, hashed as it grows."""

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.locks import locked

BLOCK = 1 << 18


class PartialFile:
    """The bytes received so far, with their number ``size`` and their digests.

    ``resumed``: whether they were received in more than one piece.
    """

    def __init__(self, path: Path, handle: io.FileIO):
        self.path, self.handle = path, handle
        self.resumed = False
        self._reset_digests()

    def _reset_digests(self) -> None:
        self.size = 0
        self._md5, self._sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()

    def _count(self, block: bytes) -> None:
        self.size += len(block)
        self._md5.update(block)
        self._sha256.update(block)

    @property
    def md5(self) -> str:
        return self._md5.hexdigest()

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    def read_existing(self) -> None:
        """Count and hash the bytes that an interrupted process has left."""
        self.handle.seek(0)
        for block in iter(lambda: self.handle.read(BLOCK), b""):
            self._count(block)

    def start_over(self) -> None:
        """Discard all bytes."""
        self.handle.truncate(0)
        self.resumed = False
        self._reset_digests()

    def append(self, block: bytes) -> None:
        """Append a block; unbuffered, so that a killed process loses nothing."""
        try:
            rest = memoryview(block)
            while rest:
                rest = rest[self.handle.write(rest) :]
        except OSError as error:
            raise UserError(
                f"{self.path}: {error.strerror} after {self.size:,} bytes; make room and run again"
            ) from None
        self._count(block)


@contextmanager
def partial_file(path: str | os.PathLike, resumable: bool) -> Iterator[PartialFile]:
    """Yield the partial file of ``path``; rename it to ``path`` on success.

    On failure the partial file is kept if it is ``resumable`` and not empty, and the next call continues from it.

    Raises UserError while another process has it.
    """
    path = Path(path)
    name = path.with_name(f".{path.name}.part")
    with locked(name, f"{name}: another process is fetching this file; wait for it or end it") as handle:
        part = PartialFile(name, handle)
        if resumable:
            part.read_existing()
        else:
            part.start_over()
        try:
            yield part
            name.replace(path)
        except BaseException:
            if not (resumable and part.size):
                name.unlink()
            raise
