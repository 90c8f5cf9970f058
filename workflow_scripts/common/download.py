"""Fetch one file, whole and checked, from the web or from a local place.

In:  an ``https://``, ``http://`` or ``file://`` address, or a path relative to the working directory.
Out: the file, and on request a JSON record {url, bytes, md5, sha256}. It arrives under a temporary name and
     takes its own only when it is complete, matches its md5 where one is known, and is no web page.
"""

import argparse
import hashlib
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests
import urllib3

from workflow_scripts.common.addresses import local_path
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic, write_json
from workflow_scripts.common.progress import Progress

BLOCK = 1 << 20
HTML = re.compile(rb"<(!doctype\s+)?html\b", re.IGNORECASE)


@dataclass(frozen=True)
class Fetched:
    """What arrived: the address asked for, the size in bytes, and two hexadecimal digests."""

    url: str
    bytes: int
    md5: str
    sha256: str


class TransientError(Exception):
    """A failure that may pass by itself: the connection broke, or the server is busy."""


def fetch(url: str, path: Path, md5: str | None = None, attempts: int = 5, timeout: float = 60.0) -> Fetched:
    """Copy what ``url`` names to ``path`` and verify it; ``path`` appears complete or not at all.

    A broken connection, a short body and the statuses 429 and 5xx are tried again, up to ``attempts`` times
    with pauses of 1, 2, 4, ... seconds. ``timeout`` (seconds) bounds each wait for the server.

    Raises UserError when the file cannot be had, its md5 differs, or a web page came in its place.
    """
    with atomic(path) as temporary:
        fetched = _receive_patiently(url, temporary, attempts, timeout)
        _refuse_web_page(url, temporary)
        if md5 and fetched.md5 != md5.lower():
            raise UserError(f"{url}: md5 is {fetched.md5}, not {md5.lower()}; the file is damaged or has changed")
    return fetched


def _receive_patiently(url: str, path: Path, attempts: int, timeout: float) -> Fetched:
    """Receive, and try again after what may pass by itself."""
    for attempt in range(1, attempts):
        try:
            return _receive(url, path, timeout)
        except TransientError as fault:
            pause = 2 ** (attempt - 1)
            print(f"{url}: {fault}; attempt {attempt} of {attempts}, next in {pause} s", file=sys.stderr)
            time.sleep(pause)
    try:
        return _receive(url, path, timeout)
    except TransientError as fault:
        raise UserError(f"{url}: {fault}; {attempts} attempts made, check the address or try later") from None


def _receive(url: str, path: Path, timeout: float) -> Fetched:
    """Stream ``url`` into ``path``; hash and count the bytes on the way."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    received = 0
    label = f"fetching {url.rsplit('/', 1)[-1]}"
    with (
        _source(url, timeout) as (blocks, expected),
        path.open("wb") as out,
        Progress(expected, "byte", label) as progress,
    ):
        for block in blocks:
            out.write(block)
            md5.update(block)
            sha256.update(block)
            received += len(block)
            progress.step(len(block))
    if expected is not None and received != expected:
        raise TransientError(f"{received:,} bytes came where {expected:,} were announced")
    return Fetched(url, received, md5.hexdigest(), sha256.hexdigest())


@contextmanager
def _source(url: str, timeout: float) -> Iterator[tuple[Iterator[bytes], int | None]]:
    """Open ``url``; give its blocks of bytes and its size (None when the server does not say)."""
    scheme = urlsplit(url).scheme.lower()
    if scheme in ("http", "https"):
        with _open_web(url, timeout) as opened:
            yield opened
    elif (local := local_path(url)) is not None:
        path = Path(local)
        if not path.is_file():
            raise UserError(f"{url}: no such file; give file:///absolute/path or a path from the working directory")
        with path.open("rb") as handle:
            yield iter(lambda: handle.read(BLOCK), b""), path.stat().st_size
    else:
        raise UserError(f"{url}: cannot fetch {scheme}:// addresses; use https://, http://, file:// or a path")


@contextmanager
def _open_web(url: str, timeout: float) -> Iterator[tuple[Iterator[bytes], int | None]]:
    """Open a web address; the libraries' exceptions, while it is read too, are turned into ours."""
    try:
        # identity, and no decoding below: a .gz must arrive as the bytes whose md5 is published
        with requests.get(url, stream=True, timeout=timeout, headers={"Accept-Encoding": "identity"}) as response:
            if response.status_code == 429 or response.status_code >= 500:
                raise TransientError(f"the server answered {response.status_code} {response.reason}")
            if response.status_code != 200:
                raise UserError(
                    f"{url}: the server answered {response.status_code} {response.reason}; check the address"
                )
            length = response.headers.get("Content-Length")
            yield response.raw.stream(BLOCK, decode_content=False), int(length) if length else None
    except (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError) as error:
        raise TransientError(f"the connection failed ({type(error).__name__})") from None
    except requests.RequestException as error:
        raise UserError(f"{url}: {error}; check the address") from None


def _refuse_web_page(url: str, path: Path) -> None:
    """A log-in page or a folder listing with status 200 is no data."""
    with path.open("rb") as handle:
        head = handle.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"<") and HTML.search(head):
        raise UserError(f"{url}: a web page came where a file was expected; open the address in a browser to see why")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="https://, http:// or file:// address, or a path")
    parser.add_argument("--out", required=True, type=Path, help="where the file goes")
    parser.add_argument("--md5", help="the expected md5; without it the content is taken as it comes")
    parser.add_argument("--record", type=Path, help="write url, bytes, md5 and sha256 to this JSON file")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    fetched = fetch(args.url, args.out, args.md5)
    if args.record:
        write_json(args.record, asdict(fetched))


if __name__ == "__main__":
    sys.exit(main())
