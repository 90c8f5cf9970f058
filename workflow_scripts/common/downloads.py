"""Downloads of one file, whole and checked, from the web or from this machine.

The bytes gather in ``.{name}.part`` next to the file and take its name only when they are complete, match the md5 if
one is known, and are no web page. With an md5 a part that an interruption has left is continued, not fetched again.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import requests

from workflow_scripts.common.addresses import local_path
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.http_retry import ATTEMPTS, TIMEOUT, AbsentError, TransientError, opened, patiently
from workflow_scripts.common.partial_download import BLOCK, Part, gathering
from workflow_scripts.common.progress import Progress

FIRST = 1024  # bytes that tell a web page
MD5 = re.compile(r"[0-9a-f]{32}")
HTML = re.compile(rb"<(!doctype\s+)?html\b", re.IGNORECASE)
CONTENT_RANGE = re.compile(r"bytes ([0-9]+)-[0-9]+/([0-9]+)")


@dataclass(frozen=True)
class Fetched:
    """What arrived: the address asked for, the size in bytes, and two hexadecimal digests."""

    url: str
    bytes: int
    md5: str
    sha256: str


def fetch(
    url: str,
    path: Path,
    md5: str | None = None,
    attempts: int = ATTEMPTS,
    timeout: float = TIMEOUT,
    check: Callable[[Path], None] | None = None,
) -> Fetched:
    """Copy what ``url`` names to ``path`` and verify it; ``path`` appears complete or not at all.

    A broken connection, a short body and the statuses 429 and 5xx are tried again, until ``attempts`` in a row
    have brought nothing (:func:`http_retry.patiently`); what has come is not asked for again where the server can send
    the rest. ``timeout`` (seconds) bounds each wait for the server. ``check`` looks at the file before it gets its name
    and raises UserError to refuse it.

    Raises UserError when the file cannot be had (AbsentError: there is none), its
    md5 differs, a web page came in its place, neither an md5 nor the server tells where it ends, or another process is
    fetching to the same path.
    """
    md5 = md5.lower() if md5 else None
    if md5 and not MD5.fullmatch(md5):
        raise UserError(f"{url}: {md5!r} is no md5; give 32 hexadecimal digits, or none where it is not known")
    with gathering(path, resumable=md5 is not None) as part:
        _bring(url, part, md5, attempts, timeout)
        if md5 and part.md5 != md5 and part.resumed:
            # the parts may have been of two files
            part.start_over()
            _bring(url, part, md5, attempts, timeout)
        fetched = Fetched(url, part.size, part.md5, part.sha256)
        try:
            if md5 and fetched.md5 != md5:
                raise UserError(f"{url}: md5 is {fetched.md5}, not {md5}; the file is damaged or has changed")
            if check:
                check(part.path)
        except UserError:
            part.start_over()
            raise
    return fetched


def _bring(url: str, part: Part, md5: str | None, attempts: int, timeout: float) -> None:
    """Fill the part file from wherever the address is."""
    scheme = url.partition("://")[0].lower()
    if (local := local_path(url)) is not None:
        _copy(url, Path(local), part)
    elif scheme in ("http", "https"):
        patiently(url, attempts, Transfer(url, part, md5, timeout).attempt)
    else:
        raise UserError(f"{url}: cannot fetch {scheme}:// addresses; use https://, http://, file:// or a path")


def _copy(url: str, source: Path, part: Part) -> None:
    """Copy a file of this machine into ``part``."""
    if not source.is_file():
        raise AbsentError(f"{url}: no such file; give file:///absolute/path or a path from the working directory")
    with source.open("rb") as handle:
        _begin(url, part, handle.read(FIRST))
        _gather(url, part, iter(lambda: handle.read(BLOCK), b""), source.stat().st_size)


class Transfer:
    """A file on its way from a web server, over as many connections as it takes.

    Between two attempts it knows the size and the version (ETag or date) of the file that the server began to send.
    """

    def __init__(self, url: str, part: Part, md5: str | None, timeout: float):
        self.url, self.part, self.md5, self.timeout = url, part, md5, timeout
        self.total: int | None = None
        self.version: str | None = None
        self.furthest = part.size

    def attempt(self) -> None:
        """Bring what is missing. Raises TransientError where the connection or the server failed."""
        if self.part.md5 == self.md5:
            return
        try:
            self._bring_rest()
        except TransientError as fault:
            # beyond all attempts, so that one that starts over again and again is not taken for an advance
            fault.advanced = self.part.size > self.furthest
            self.furthest = max(self.furthest, self.part.size)
            raise

    def _bring_rest(self) -> None:
        with opened(self.url, self.timeout, self._range()) as response:
            if response.status_code == 200 or self._goes_on(response):
                return self._take(response)
        with opened(self.url, self.timeout, {}) as response:
            self._take(response)

    def _range(self) -> dict[str, str]:
        """The headers that ask for what is missing, and for the whole file if it is no longer the same."""
        if not self.part.size:
            return {}
        return {"Range": f"bytes={self.part.size}-"} | ({"If-Range": self.version} if self.version else {})

    def _goes_on(self, response: requests.Response) -> bool:
        """Does the answer begin where the part ends, and is it of the same file?"""
        begin, total = _place(response)
        return begin == self.part.size and self.total in (None, total) and self.version in (None, _version(response))

    def _take(self, response: requests.Response) -> None:
        """Put the body where it belongs: behind the part, or, of a whole file, in its place."""
        body = response.raw
        if response.status_code == 206:
            _, total = _place(response)
            self.part.resumed = True
        else:
            total = body.length_remaining
            if total is None and not body.chunked and self.md5 is None:
                # the end of the connection would be taken for the end of the file
                raise UserError(f"{self.url}: the server does not say how long the file is; give its md5")
            _begin(self.url, self.part, body.read(FIRST, decode_content=False))
        # not earlier: until here the part may hold bytes of the version before
        self.total, self.version = total, _version(response)
        # read1, not read: of a connection that breaks, what has come is kept
        _gather(self.url, self.part, iter(lambda: body.read1(BLOCK, decode_content=False), b""), total)
        if total is not None and self.part.size != total:
            raise TransientError(f"{self.part.size:,} bytes came where {total:,} were announced")


def _place(response: requests.Response) -> tuple[int | None, int | None]:
    """The first byte that an answer in part holds, and the size of the whole file; None, None where it says neither."""
    match = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    return (int(match[1]), int(match[2])) if match else (None, None)


def _version(response: requests.Response) -> str | None:
    """What names this state of the server's file; weak ETags may stand for different bytes."""
    tag = response.headers.get("ETag", "W/")
    return response.headers.get("Last-Modified") if tag.startswith("W/") else tag


def _begin(url: str, part: Part, head: bytes) -> None:
    """Begin the part anew with the file's first bytes, if these are no web page.

    A log-in page or a folder listing with status 200 is no data, and what had come before is not given up for it.
    """
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"<") and HTML.search(text):
        raise UserError(f"{url}: a web page came where a file was expected; open the address in a browser to see why")
    part.start_over()
    part.append(head)


def _gather(url: str, part: Part, blocks: Iterator[bytes], total: int | None) -> None:
    """Append the blocks to the part, and say how far it is to ``total`` bytes."""
    missing = None if total is None else total - part.size
    with Progress(missing, "byte", f"fetching {url.rsplit('/', 1)[-1]}") as progress:
        for block in blocks:
            part.append(block)
            progress.step(len(block))
