"""One-line errors for people: what is wrong, where, and what to do."""

import functools
import sys
from collections.abc import Callable


class UserError(Exception):
    """A mistake in the input that its owner can mend. The message is one line: place, bad value, remedy."""


def program(main: Callable[..., None]) -> Callable[..., int]:
    """Wrap a script's ``main`` so that a :class:`UserError` is one line on standard error, without traceback.

    Returns the exit status: 0, 1 for a user's mistake, 130 when interrupted. Any other exception is a fault of the
    program and passes with its traceback.
    """

    @functools.wraps(main)
    def wrapped(argv: list[str] | None = None) -> int:
        try:
            main(argv)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130
        return 0

    return wrapped
