"""Requests to web servers: transient failures are retried, any other failure is a one-line error."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import requests
import urllib3

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.hashing import stable_hash

AGENT = "dnabert2-workflow"
ATTEMPTS = 8  # in a row; with the pauses between them at least two minutes, enough for a server to restart
TIMEOUT = 60.0  # seconds for each wait for a server
LONGEST_PAUSE = 60.0  # seconds: the last of ATTEMPTS - 1 pauses, or the most that a server may ask for
Result = TypeVar("Result")


class AbsentError(UserError):
    """There is nothing at the address: status 404 or 410, or no such local file."""


class TransientError(Exception):
    """A failure that a later attempt may not meet: the connection broke, or the server is busy.

    ``wait``: seconds to wait that the server asked for. ``advanced``: whether the attempt received new data.
    """

    def __init__(self, message: str, wait: float = 0.0):
        super().__init__(message)
        self.wait = wait
        self.advanced = False


def retry(url: str, attempt: Callable[[], Result]) -> Result:
    """Call ``attempt`` until it returns; give up after ATTEMPTS failures in a row.

    A failure that received new data resets the count, so that a long file arrives over an unreliable connection.

    Raises UserError when it gives up.
    """
    failures = tried = 0
    while True:
        try:
            return attempt()
        except TransientError as fault:
            tried += 1
            failures = 0 if fault.advanced else failures + 1
            if failures >= ATTEMPTS:
                raise UserError(
                    f"{url}: {fault}; {ATTEMPTS} attempts in a row failed, check the address or try again later"
                ) from None
            seconds = pause(url, tried, failures, fault.wait)
            print(f"{url}: {fault}; attempt {tried}, next in {seconds:.1f} s", file=sys.stderr, flush=True)
            time.sleep(seconds)


def pause(url: str, tried: int, failures: int, wait: float) -> float:
    """Seconds until the next attempt: 1, 2, 4, ... by failures in a row, or ``wait`` if longer; at most 60.

    The former are multiplied by a jitter between 1 and 2, so that many jobs do not come back at once.
    """
    jitter = 1 + (stable_hash("pause", url, tried) >> 11) / 2**53
    return min(max(2 ** max(failures - 1, 0) * jitter, wait), LONGEST_PAUSE)


@contextmanager
def open_url(url: str, headers: dict[str, str], method: str = "GET") -> Iterator[requests.Response]:
    """Open a web address; converts exceptions of the libraries, also while it is read.

    ``method`` may be HEAD, which asks only for the headers. The status is 200, or also 206 or 416 if ``headers`` ask
    for a Range.

    Raises TransientError, AbsentError, and UserError for any other answer.
    """
    # identity: a .gz must arrive undecoded, as the bytes whose md5 is published
    sent = {"User-Agent": AGENT, "Accept-Encoding": "identity"} | headers
    expected = (200, 206, 416) if "Range" in headers else (200,)
    try:
        with requests.request(method, url, stream=True, timeout=TIMEOUT, headers=sent) as response:
            if response.status_code not in expected:
                raise _refusal(url, response)
            yield response
    except (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError) as error:
        raise TransientError(f"the connection failed ({type(error).__name__})") from None
    except requests.RequestException as error:
        raise UserError(f"{url}: {error}; check the address") from None


def _refusal(url: str, response: requests.Response) -> Exception:
    """The exception for an answer without the file."""
    answer = f"the server answered {response.status_code} {response.reason}"
    if response.status_code == 429 or response.status_code >= 500:
        wait = response.headers.get("Retry-After", "")
        # the other form, a date, would depend on two clocks
        return TransientError(answer, float(wait) if wait.isdecimal() else 0.0)
    kind = AbsentError if response.status_code in (404, 410) else UserError
    return kind(f"{url}: {answer}; check the address")


def read_page(url: str) -> str:
    """The text of a web page, such as the listing of a folder; transient failures are retried."""

    def attempt() -> str:
        with open_url(url, {}) as response:
            return response.raw.read(decode_content=False).decode(errors="replace")

    return retry(url, attempt)
