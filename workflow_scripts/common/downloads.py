"""Downloads of one file, whole and checked, from the web or from this machine.

The bytes gather in ``.{name}.part`` next to the file and take its name only when they are complete, match the digest if
one is known, and are no web page. With a digest a part that an interruption has left is continued, not fetched again.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import requests

from workflow_scripts.common.addresses import local_path
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.http_retry import AbsentError, TransientError, open_url, retry
from workflow_scripts.common.partial_download import BLOCK, PartialFile, partial_file
from workflow_scripts.common.progress import Progress

HEAD_BYTES = 1024  # enough to recognise a web page
MD5 = re.compile(r"[0-9a-f]{32}")
HTML = re.compile(rb"<(!doctype\s+)?html\b", re.IGNORECASE)
CONTENT_RANGE = re.compile(r"bytes ([0-9]+)-[0-9]+/([0-9]+)")


@dataclass(frozen=True)
class Fetched:
    """A fetched file: its address, its size in bytes, and two hexadecimal digests."""

    url: str
    bytes: int
    md5: str
    sha256: str


class Expected(NamedTuple):
    """The digest that a file must have: its kind, md5 or sha256, and its hexadecimal value."""

    kind: str
    value: str

    def of(self, part: PartialFile) -> str:
        """The digest of this kind of a partial file."""
        return part.md5 if self.kind == "md5" else part.sha256


def fetch(
    url: str,
    path: Path,
    md5: str | None = None,
    check: Callable[[Path], None] | None = None,
    sha256: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Fetched:
    """Copy the file at ``url`` to ``path`` and verify it; ``path`` appears complete or not at all.

    A broken connection, a short body and the statuses 429 and 5xx are tried again (:func:`http_retry.retry`). If the
    server supports it, only the missing rest is requested. ``check`` inspects the file before it gets its name and
    raises UserError to refuse it. Of ``md5`` and ``sha256`` one is enough. ``headers`` go with each request.

    Raises UserError if the file cannot be downloaded (AbsentError: it does not exist), its digest differs, a web page
    arrived instead, neither a digest nor the server determines its end, or another process is fetching to the same
    path.
    """
    md5 = md5.lower() if md5 else None
    if md5 and not MD5.fullmatch(md5):
        raise UserError(f"{url}: {md5!r} is not an md5; give 32 hexadecimal digits, or none if it is unknown")
    expected = Expected("md5", md5) if md5 else Expected("sha256", sha256) if sha256 else None
    with partial_file(path, resumable=expected is not None) as part:
        _download(url, part, expected, headers or {})
        if expected and expected.of(part) != expected.value and part.resumed:
            # the pieces may be of two different files
            part.start_over()
            _download(url, part, expected, headers or {})
        fetched = Fetched(url, part.size, part.md5, part.sha256)
        try:
            if expected and (found := expected.of(part)) != expected.value:
                raise UserError(
                    f"{url}: {expected.kind} is {found}, not {expected.value}; the file is damaged or has changed"
                )
            if check:
                check(part.path)
        except UserError:
            part.start_over()
            raise
    return fetched


def _download(url: str, part: PartialFile, expected: Expected | None, headers: Mapping[str, str]) -> None:
    """Fill the partial file from a local or web address."""
    scheme = url.partition("://")[0].lower()
    if (local := local_path(url)) is not None:
        _copy(url, Path(local), part)
    elif scheme in ("http", "https"):
        retry(url, Transfer(url, part, expected, headers).attempt)
    else:
        raise UserError(f"{url}: cannot fetch {scheme}:// addresses; use https://, http://, file:// or a path")


def _copy(url: str, source: Path, part: PartialFile) -> None:
    """Copy a local file into ``part``."""
    if not source.is_file():
        raise AbsentError(f"{url}: no such file; give file:///absolute/path or a path from the working directory")
    with source.open("rb") as handle:
        _start(url, part, handle.read(HEAD_BYTES))
        _append_blocks(url, part, iter(lambda: handle.read(BLOCK), b""), source.stat().st_size)


class Transfer:
    """The transfer of a file from a web server, over several connections if needed.

    Between attempts it remembers the size and the version (ETag or date) of the file.
    """

    def __init__(self, url: str, part: PartialFile, expected: Expected | None, headers: Mapping[str, str]):
        self.url, self.part, self.expected, self.headers = url, part, expected, headers
        self.total: int | None = None
        self.version: str | None = None
        self.furthest = part.size

    def attempt(self) -> None:
        """Receive the missing bytes. Raises TransientError if the connection or the server fails."""
        if self.expected and self.expected.of(self.part) == self.expected.value:
            return
        try:
            self._receive_rest()
        except TransientError as fault:
            # more than in any earlier attempt: starting over repeatedly is no progress
            fault.advanced = self.part.size > self.furthest
            self.furthest = max(self.furthest, self.part.size)
            raise

    def _receive_rest(self) -> None:
        with open_url(self.url, {**self.headers, **self._range()}) as response:
            if response.status_code == 200 or self._continues(response):
                return self._receive(response)
        with open_url(self.url, dict(self.headers)) as response:
            self._receive(response)

    def _range(self) -> dict[str, str]:
        """The headers that request the missing bytes, or the whole file if it has changed."""
        if not self.part.size:
            return {}
        return {"Range": f"bytes={self.part.size}-"} | ({"If-Range": self.version} if self.version else {})

    def _continues(self, response: requests.Response) -> bool:
        """Whether the answer begins where the partial file ends, and is of the same file."""
        begin, total = _content_range(response)
        return begin == self.part.size and self.total in (None, total) and self.version in (None, _version(response))

    def _receive(self, response: requests.Response) -> None:
        """Append the body to the partial file, or replace it by the body of a whole file."""
        body = response.raw
        if response.status_code == 206:
            _, total = _content_range(response)
            self.part.resumed = True
        else:
            total = body.length_remaining
            if total is None and not body.chunked and self.expected is None:
                # a broken connection could not be distinguished from the end of the file
                raise UserError(f"{self.url}: the server does not say how long the file is; give its md5")
            _start(self.url, self.part, body.read(HEAD_BYTES, decode_content=False))
        # not earlier: until here the partial file may have bytes of another version
        self.total, self.version = total, _version(response)
        # read1, not read: it keeps what was received before a connection breaks
        _append_blocks(self.url, self.part, iter(lambda: body.read1(BLOCK, decode_content=False), b""), total)
        if total is not None and self.part.size != total:
            raise TransientError(f"received {self.part.size:,} bytes of {total:,}")


def _content_range(response: requests.Response) -> tuple[int | None, int | None]:
    """Position of the first byte of a partial answer, and size of the whole file; None, None if not given."""
    match = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    return (int(match[1]), int(match[2])) if match else (None, None)


def _version(response: requests.Response) -> str | None:
    """ETag or date of this version of the server's file; weak ETags do not guarantee equal bytes."""
    tag = response.headers.get("ETag", "W/")
    return response.headers.get("Last-Modified") if tag.startswith("W/") else tag


def _start(url: str, part: PartialFile, head: bytes) -> None:
    """Restart the partial file with the file's first bytes, unless these are a web page.

    A log-in page or a folder listing with status 200 is no data and must not replace bytes received before.
    """
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"<") and HTML.search(text):
        raise UserError(f"{url}: a web page arrived instead of a file; open the address in a browser to see why")
    part.start_over()
    part.append(head)


def _append_blocks(url: str, part: PartialFile, blocks: Iterator[bytes], total: int | None) -> None:
    """Append the blocks to the partial file and show the progress towards ``total`` bytes."""
    missing = None if total is None else total - part.size
    with Progress(missing, "byte", f"fetching {url.rsplit('/', 1)[-1]}") as progress:
        for block in blocks:
            part.append(block)
            progress.step(len(block))
