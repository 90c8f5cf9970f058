"""Shared by the tests of downloads: the file on the server, and a function that runs the program."""

import hashlib
import random

from workflow_scripts.gue.fetch_source import main

DATA = random.Random(1).randbytes(2_000_000)
OTHER = random.Random(2).randbytes(2_000_000)
MD5, OTHER_MD5 = hashlib.md5(DATA).hexdigest(), hashlib.md5(OTHER).hexdigest()
SIZE = len(DATA)


def run(url, out, capsys, *more):
    """Run the program; returns its error, which must be one line, or None for success."""
    status = main(["--url", url, "--out", str(out), *more])
    captured = capsys.readouterr()
    errors = [line for line in captured.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == status and captured.out == "" and "Traceback" not in captured.err
    assert status == 0 or captured.err.endswith(f"{errors[0]}\n")
    return errors[0] if errors else None


def without_length(body):
    """Send ``body`` without its length, and close the connection after it."""

    def fault(handler):
        handler.head(200, {"Connection": "close"})
        handler.send(body)
        handler.close_connection = True

    return fault


def chunked(body, end=b"0\r\n\r\n"):
    """Send ``body`` in the chunked transfer coding, and close the connection after it."""

    def fault(handler):
        handler.head(200, {"Transfer-Encoding": "chunked"})
        for start in range(0, len(body), 50_000):
            block = body[start : start + 50_000]
            handler.send(b"%x\r\n%b\r\n" % (len(block), block))
        handler.send(end)
        handler.close_connection = True

    return fault


def names(folder):
    return sorted(path.name for path in folder.iterdir())
