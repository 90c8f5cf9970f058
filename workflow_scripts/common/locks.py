"""Files that only one process can lock at a time."""

import contextlib
import errno
import fcntl
import io
import os
import stat
import tempfile
from pathlib import Path

from workflow_scripts.common.errors import UserError

NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)


def private_folder() -> Path:
    """A folder that only this user can enter. Raises PermissionError if its owner or mode is another."""
    folder = Path(tempfile.gettempdir()) / f"dnabert2-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise PermissionError(f"{folder} is open to others")
    return folder


def locked(path: Path, busy: str) -> io.FileIO:
    """Open ``path`` for reading and appending, locked until it is closed or the process ends in any way.

    Creates its folder if needed. Raises UserError with the message ``busy`` while another process holds the lock.
    """
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("a+b", buffering=0)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            raise UserError(busy) from None
        except OSError as error:
            # some cluster file systems have no locks; there Snakemake's own lock of the directory must suffice
            if error.errno not in NO_LOCKS:
                raise
        if _is_open_at(path, handle):
            return handle
        # meanwhile the holder of the lock has renamed the file, or removed it with its folder
        handle.close()


def _is_open_at(path: Path, handle: io.FileIO) -> bool:
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except FileNotFoundError:
        return False
