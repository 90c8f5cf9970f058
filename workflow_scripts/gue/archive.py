"""Reading wanted files from a folder, or from a zip or tar archive that is not trusted.

An archive is read as a stream and never unpacked. It is refused if a member has a path outside it or is a link, and if
a wanted file has more than LARGEST_FILE bytes or all of them together more than LARGEST_TOTAL. The limits apply to the
bytes that are read, not to the sizes in headers. The largest file of GUE is the fungi's train.csv, about 80 MB.
"""

import gzip
import io
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from workflow_scripts.common.errors import UserError

LARGEST_FILE = 256 * 1024**2
LARGEST_TOTAL = 512 * 1024**2
LARGEST_HEADER = 1024**2  # of a tar member with a long name or other attributes
EXTENDED = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class Member(NamedTuple):
    """A file that was found: its path in the folder or archive, the wanted name that it has, and its stored bytes."""

    name: str
    wanted: str
    content: bytes


class ByteBudget:
    """The number of bytes that may still be read from one folder or archive."""

    def __init__(self, origin: Path):
        self.origin = origin
        self.left = LARGEST_TOTAL

    def read(self, stream: IO[bytes], name: str) -> bytes:
        """All bytes of a stream; UserError if it exceeds the limit for a file or the rest of the budget."""
        content = read_limited(stream, min(LARGEST_FILE, self.left), f"{self.origin}/{name}")
        self.left -= len(content)
        return content


def read_limited(stream: IO[bytes] | gzip.GzipFile, limit: int, where: str) -> bytes:
    """All bytes of a stream; UserError if there are more than ``limit``. Reads at most one byte beyond it."""
    content = stream.read(limit + 1)
    if len(content) > limit:
        raise UserError(
            f"{where}: larger than the limit of {limit:,} bytes ({LARGEST_FILE:,} for a file, {LARGEST_TOTAL:,} for "
            "all files); the published files are smaller"
        )
    return content


def decompress(content: bytes, where: str) -> bytes:
    """The content of a file that may be gzipped, detected by its first two bytes; at most LARGEST_FILE bytes."""
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return read_limited(gzip.GzipFile(fileobj=io.BytesIO(content)), LARGEST_FILE, where)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{where}: damaged file ({error}); download it again") from error


def wanted_name(path: str, wanted: Collection[str]) -> str | None:
    """The wanted name that a path has, at the top level or one folder down."""
    parts = PurePosixPath(path).parts
    return next((found for skip in (0, 1) if (found := "/".join(parts[skip:])) in wanted), None)


def check_member(archive: Path, name: str, is_plain: bool) -> None:
    """Refuse an archive with a member that has a path outside it or is neither a file nor a folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise UserError(f"{archive}: member {name!r} points outside the archive; this is not the published file")
    if not is_plain:
        raise UserError(f"{archive}: member {name!r} is a link or a device; this is not the published file")


def from_zip(archive: Path, wanted: Collection[str]) -> list[Member]:
    """The wanted members of a zip archive."""
    found, budget = [], ByteBudget(archive)
    with zipfile.ZipFile(archive) as handle:
        for info in handle.infolist():
            mode = info.external_attr >> 16  # 0 if the archive was not made on Unix
            check_member(archive, info.filename, stat.S_IFMT(mode) in (0, stat.S_IFREG, stat.S_IFDIR))
            if name := wanted_name(info.filename, wanted):
                with handle.open(info) as stream:
                    found.append(Member(info.filename, name, budget.read(stream, info.filename)))
    return found


class LimitedHeader(tarfile.TarInfo):
    """A tar header that refuses large extended headers, which tarfile would read whole into memory."""

    def _proc_member(self, *arguments: object) -> tarfile.TarInfo:
        """Called with each header before the bytes after it are read.

        tarfile documents that subclasses may override it. Python versions differ in its arguments.
        """
        if self.type in EXTENDED and self.size > LARGEST_HEADER:
            raise tarfile.TarError(f"a header of {self.size:,} bytes")
        return super()._proc_member(*arguments)  # type: ignore[misc]  # typeshed does not list this method


def open_tar(path: Path) -> tarfile.TarFile | None:
    """A tar archive, plain or compressed; ``None`` if the file is not one."""
    try:
        return tarfile.open(path, tarinfo=LimitedHeader)
    except tarfile.ReadError:
        return None


def from_tar(archive: Path, tar: tarfile.TarFile, wanted: Collection[str]) -> list[Member]:
    """The wanted members of a tar archive."""
    found, budget = [], ByteBudget(archive)
    with tar as handle:
        for info in handle:
            check_member(archive, info.name, info.isfile() or info.isdir())
            # extractfile gives None for a folder
            if (name := wanted_name(info.name, wanted)) and (stream := handle.extractfile(info)):
                found.append(Member(info.name, name, budget.read(stream, info.name)))
    return found


def from_folder(folder: Path, wanted: Collection[str]) -> list[Member]:
    """The wanted files in a folder or in a folder directly below it."""
    found, budget = [], ByteBudget(folder)
    for root in [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]:
        for name in wanted:
            if (path := root / name).is_file():
                with path.open("rb") as stream:
                    relative = path.relative_to(folder).as_posix()
                    found.append(Member(relative, name, budget.read(stream, relative)))
    return found


def find_members(origin: Path, wanted: Collection[str]) -> list[Member]:
    """All files of ``origin`` with a wanted name; UserError if the origin is unreadable or cannot be trusted."""
    try:
        if origin.is_dir():
            return from_folder(origin, wanted)
        if origin.is_file() and zipfile.is_zipfile(origin):
            return from_zip(origin, wanted)
        if origin.is_file() and (tar := open_tar(origin)):
            return from_tar(origin, tar, wanted)
    # RuntimeError: an encrypted zip, or a compression that Python cannot decode
    except (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, RuntimeError) as error:
        raise UserError(f"{origin}: unreadable archive ({error}); download it again") from error
    raise UserError(f"{origin}: neither a folder nor a zip or tar archive; give the published GUE")
