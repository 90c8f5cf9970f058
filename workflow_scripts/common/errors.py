"""One-line errors for people: what is wrong, where, and what to do."""

import errno
import functools
import sys
from collections.abc import Callable

# what the owner of files and folders can mend
REMEDIES = {
    errno.EACCES: "get the right to read or write there, or choose another place",
    errno.EPERM: "get the right to read or write there, or choose another place",
    errno.EROFS: "choose a place that can be written to",
    errno.ENOTDIR: "a file is in the place of a folder; move it away, or choose another place",
    errno.EEXIST: "something is there already; move it away, or choose another place",
    errno.EISDIR: "a folder is in the place of a file; move it away, or choose another place",
    errno.ENOSPC: "make room and run again",
    errno.EDQUOT: "make room and run again",
}
# a write fails with these and names no file
FULL = (errno.ENOSPC, errno.EDQUOT)


class UserError(Exception):
    """A mistake in the input that its owner can mend. The message is one line: place, bad value, remedy."""


def remedy(error: OSError) -> str | None:
    """One line about an error by a file or folder that its owner can mend: place and remedy; None for other errors."""
    if error.errno not in REMEDIES or (error.filename is None and error.errno not in FULL):
        return None
    # of a renaming, the second is the name that was asked for
    place = error.filename2 or error.filename
    where = f"{place}: " if place else ""
    return f"{where}{error.strerror}; {REMEDIES[error.errno]}"


def program(main: Callable[..., None]) -> Callable[..., int]:
    """Wrap a script's ``main`` so that a :class:`UserError` is one line on standard error, without traceback.

    So is an OSError by a file or folder that its owner can mend. Returns the exit status: 0, 1 for a user's mistake,
    130 when interrupted. Any other exception is a fault of the program and passes with its traceback.
    """

    @functools.wraps(main)
    def wrapped(argv: list[str] | None = None) -> int:
        try:
            main(argv)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        except OSError as error:
            if (message := remedy(error)) is None:
                raise
            print(f"error: {message}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130
        return 0

    return wrapped
