"""The part file of a download: hidden beside the final file, held by one process, hashed as it grows."""

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.locks import locked

BLOCK = 1 << 18


class Part:
    """The bytes that have come so far: their number ``size`` and their digests.

    ``resumed``: they came in more than one piece.
    """

    def __init__(self, path: Path, handle: io.FileIO):
        self.path, self.handle = path, handle
        self.resumed = False
        self._forget()

    def _forget(self) -> None:
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

    def recall(self) -> None:
        """Count and hash what an interrupted process has left."""
        self.handle.seek(0)
        for block in iter(lambda: self.handle.read(BLOCK), b""):
            self._count(block)

    def start_over(self) -> None:
        """Throw away what has come."""
        self.handle.truncate(0)
        self.resumed = False
        self._forget()

    def append(self, block: bytes) -> None:
        """Write behind the last byte; on disk at once, so that a killed process loses nothing."""
        try:
            rest = memoryview(block)
            while rest:
                rest = rest[self.handle.write(rest) :]
        except OSError as error:
            raise UserError(f"{self.path}: {error.strerror} after {self.size:,} bytes; make room, run again") from None
        self._count(block)


@contextmanager
def gathering(path: str | os.PathLike, resumable: bool) -> Iterator[Part]:
    """Give the part file of ``path``; rename it to ``path`` on success.

    On a failure the part stays where it is ``resumable`` and not empty, and the next call begins with its bytes.

    Raises UserError while another process has the part.
    """
    path = Path(path)
    name = path.with_name(f".{path.name}.part")
    with locked(name, f"{name}: another process is fetching this file; wait for it or end it") as handle:
        part = Part(name, handle)
        if resumable:
            part.recall()
        else:
            part.start_over()
        try:
            yield part
            name.replace(path)
        except BaseException:
            if not (resumable and part.size):
                name.unlink()
            raise
