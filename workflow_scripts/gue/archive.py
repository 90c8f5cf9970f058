"""The wanted files of a folder, or of a zip or tar archive that is not trusted.

An archive is read as a stream and never unpacked. It is refused where a member points outside of it or is a link, and
where a wanted file holds more than LARGEST_FILE bytes, or all of them together more than LARGEST_TOTAL. The bytes that
come count, not the sizes that headers state. By its counts the largest file of GUE, the fungi's train.csv, has 80 MB.
"""

import gzip
import io
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

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
    """A file that was found: its name in the folder or archive, which wanted one it is, and its bytes as stored."""

    name: str
    wanted: str
    content: bytes


class Allowance:
    """How many bytes may still be read of one folder or archive."""

    def __init__(self, origin: Path):
        self.origin = origin
        self.left = LARGEST_TOTAL

    def read(self, stream: BinaryIO, name: str) -> bytes:
        """All of a stream; UserError where it goes on beyond what a file, or what all files, may hold."""
        content = capped(stream, min(LARGEST_FILE, self.left), f"{self.origin}/{name}")
        self.left -= len(content)
        return content


def capped(stream: BinaryIO, limit: int, where: str) -> bytes:
    """All of a stream, of which no more than one byte beyond ``limit`` is read."""
    content = stream.read(limit + 1)
    if len(content) > limit:
        raise UserError(
            f"{where}: more than the {limit:,} bytes that may be read; a file may hold {LARGEST_FILE:,}, all wanted "
            f"ones {LARGEST_TOTAL:,}, the published ones are smaller"
        )
    return content


def ungzipped(content: bytes, where: str) -> bytes:
    """The bytes of a file that may be gzipped, told by its first two; never more than LARGEST_FILE."""
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return capped(gzip.GzipFile(fileobj=io.BytesIO(content)), LARGEST_FILE, where)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{where}: damaged file ({error}); download it again") from error


def match(name: str, wanted: Collection[str]) -> str | None:
    """The wanted name that a file has, at the top or below one folder."""
    parts = PurePosixPath(name).parts
    return next((found for skip in (0, 1) if (found := "/".join(parts[skip:])) in wanted), None)


def check_member(archive: Path, name: str, is_plain: bool) -> None:
    """Refuse an archive for a member that points outside of it or is neither file nor folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise UserError(f"{archive}: member {name!r} points outside the archive; this is not the published file")
    if not is_plain:
        raise UserError(f"{archive}: member {name!r} is a link or a device; this is not the published file")


def from_zip(archive: Path, wanted: Collection[str]) -> list[Member]:
    """The wanted members of a zip archive."""
    found, allowance = [], Allowance(archive)
    with zipfile.ZipFile(archive) as handle:
        for info in handle.infolist():
            mode = info.external_attr >> 16  # 0 where the archive was not made on Unix
            check_member(archive, info.filename, stat.S_IFMT(mode) in (0, stat.S_IFREG, stat.S_IFDIR))
            if name := match(info.filename, wanted):
                with handle.open(info) as stream:
                    found.append(Member(info.filename, name, allowance.read(stream, info.filename)))
    return found


class Header(tarfile.TarInfo):
    """A tar header; one that others follow, which tarfile would read whole, is refused where they are large."""

    def _proc_member(self, *arguments):
        """What tarfile says that a subclass may override: called with each header before what follows it is read."""
        if self.type in EXTENDED and self.size > LARGEST_HEADER:
            raise tarfile.TarError(f"a header of {self.size:,} bytes")
        return super()._proc_member(*arguments)


def open_tar(path: Path) -> tarfile.TarFile | None:
    """A tar archive, plain or compressed; ``None`` where the file is none."""
    try:
        return tarfile.open(path, tarinfo=Header)
    except tarfile.ReadError:
        return None


def from_tar(archive: Path, tar: tarfile.TarFile, wanted: Collection[str]) -> list[Member]:
    """The wanted members of a tar archive."""
    found, allowance = [], Allowance(archive)
    with tar as handle:
        for info in handle:
            check_member(archive, info.name, info.isfile() or info.isdir())
            if info.isfile() and (name := match(info.name, wanted)):
                found.append(Member(info.name, name, allowance.read(handle.extractfile(info), info.name)))
    return found


def from_folder(folder: Path, wanted: Collection[str]) -> list[Member]:
    """The wanted files of a folder or of the folders right below it."""
    found, allowance = [], Allowance(folder)
    for root in [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]:
        for name in wanted:
            if (path := root / name).is_file():
                with path.open("rb") as stream:
                    place = path.relative_to(folder).as_posix()
                    found.append(Member(place, name, allowance.read(stream, place)))
    return found


def find(origin: Path, wanted: Collection[str]) -> list[Member]:
    """Every file of ``origin`` with a wanted name; UserError where the origin is unreadable or not to be trusted."""
    try:
        if origin.is_dir():
            return from_folder(origin, wanted)
        if origin.is_file() and zipfile.is_zipfile(origin):
            return from_zip(origin, wanted)
        if origin.is_file() and (tar := open_tar(origin)):
            return from_tar(origin, tar, wanted)
    # RuntimeError: a zip that is encrypted or compressed in a way that Python has no decoder for
    except (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, RuntimeError) as error:
        raise UserError(f"{origin}: unreadable archive ({error}); download it again") from error
    raise UserError(f"{origin}: neither a folder nor a zip or tar archive; give the published GUE")
