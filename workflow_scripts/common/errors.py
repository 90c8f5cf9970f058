"""One-line errors for users: what is wrong, where, and what to do."""

import errno
import functools
import sys
from collections.abc import Callable

# errors of files and folders that a user can fix, and how
REMEDIES = {
    errno.EACCES: "get permission to read or write there, or choose another place",
    errno.EPERM: "get permission to read or write there, or choose another place",
    errno.EROFS: "choose a writable place",
    errno.ENOTDIR: "a file is where a folder is needed; move it away, or choose another place",
    errno.EEXIST: "it exists already; move it away, or choose another place",
    errno.EISDIR: "a folder is where a file is needed; move it away, or choose another place",
    errno.ENOSPC: "make room and run again",
    errno.EDQUOT: "make room and run again",
}
# a failing write raises these without a file name
FULL = (errno.ENOSPC, errno.EDQUOT)


class UserError(Exception):
    """A mistake in the input that the user can fix. The message is one line: place, bad value, remedy.

    Mistakes that are found together are one line each.
    """


def remedy(error: OSError) -> str | None:
    """One line about an error by a file or folder that its owner can mend: place and remedy; None for other errors."""
    if error.errno not in REMEDIES or (error.filename is None and error.errno not in FULL):
        return None
    # of a renaming, the second is the name that was asked for
    place = error.filename2 or error.filename
    where = f"{place}: " if place else ""
    return f"{where}{error.strerror}; {REMEDIES[error.errno]}"


def program(main: Callable[..., None]) -> Callable[..., int]:
    """Wrap a program's ``main`` so that a :class:`UserError` prints one line on standard error, without traceback.

    One of several mistakes prints a line for each, and an OSError in REMEDIES one too. The wrapped function returns the
    exit status: 0 for success, 1 for a user's mistake, 130 for an interruption. Any other exception is a bug and
    propagates with its traceback.
    """

    @functools.wraps(main)
    def wrapped(argv: list[str] | None = None) -> int:
        try:
            main(argv)
        except UserError as error:
            print(*(f"error: {line}" for line in str(error).splitlines() or [""]), sep="\n", file=sys.stderr)
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
