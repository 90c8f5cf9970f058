"""Ask web servers, patiently: what may pass by itself is tried again, anything else is a one-line error."""

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
ATTEMPTS = 8  # in a row; with the pauses between them two minutes or more, as long as a server takes to start again
TIMEOUT = 60.0
LONGEST_PAUSE = 60.0  # seconds: the last of ATTEMPTS - 1 pauses, or one that the server asked for
Result = TypeVar("Result")


class AbsentError(UserError):
    """Nothing is at the address: status 404 or 410, or no such local file."""


class TransientError(Exception):
    """A failure that may pass by itself: the connection broke, or the server is busy.

    ``wait``: the seconds for which the server asked to be left alone. ``advanced``: the attempt brought something.
    """

    def __init__(self, message: str, wait: float = 0.0):
        super().__init__(message)
        self.wait = wait
        self.advanced = False


def patiently(url: str, attempts: int, attempt: Callable[[], Result]) -> Result:
    """Call ``attempt`` until it gives its result; give up after ``attempts`` failures in a row.

    A failure that brought something ends a row of failures: a long file over a bad line gets through.

    Raises UserError when it gives up.
    """
    failures = made = 0
    while True:
        try:
            return attempt()
        except TransientError as fault:
            made += 1
            failures = 0 if fault.advanced else failures + 1
            if failures >= attempts:
                raise UserError(
                    f"{url}: {fault}; {attempts} attempts in a row failed, check the address or try later"
                ) from None
            seconds = pause(url, made, failures, fault.wait)
            print(f"{url}: {fault}; attempt {made}, next in {seconds:.1f} s", file=sys.stderr, flush=True)
            time.sleep(seconds)


def pause(url: str, made: int, failures: int, wait: float) -> float:
    """Seconds until the next attempt: 1, 2, 4, ... by failures in a row, or what the server asked for; at most 60.

    The first are stretched by up to two, in each case differently, so that many jobs do not come back at once.
    """
    jitter = 1 + (stable_hash("pause", url, made) >> 11) / 2**53
    return min(max(2 ** max(failures - 1, 0) * jitter, wait), LONGEST_PAUSE)


@contextmanager
def opened(url: str, timeout: float, headers: dict[str, str], method: str = "GET") -> Iterator[requests.Response]:
    """Open a web address; the libraries' exceptions, while it is read too, are turned into ours.

    ``method`` may be HEAD, which asks for the headers alone. The status is 200, or, where ``headers`` ask for a Range,
    206 or 416.

    Raises TransientError, AbsentError, and UserError for any other answer.
    """
    # identity, and no decoding: a .gz must arrive as the bytes whose md5 is published
    sent = {"User-Agent": AGENT, "Accept-Encoding": "identity"} | headers
    expected = (200, 206, 416) if "Range" in headers else (200,)
    try:
        with requests.request(method, url, stream=True, timeout=timeout, headers=sent) as response:
            if response.status_code not in expected:
                raise _refusal(url, response)
            yield response
    except (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError) as error:
        raise TransientError(f"the connection failed ({type(error).__name__})") from None
    except requests.RequestException as error:
        raise UserError(f"{url}: {error}; check the address") from None


def _refusal(url: str, response: requests.Response) -> Exception:
    """What an answer without the file means."""
    answer = f"the server answered {response.status_code} {response.reason}"
    if response.status_code == 429 or response.status_code >= 500:
        wait = response.headers.get("Retry-After", "")
        # the other form, a date, is not worth the trust in two clocks
        return TransientError(answer, float(wait) if wait.isdecimal() else 0.0)
    kind = AbsentError if response.status_code in (404, 410) else UserError
    return kind(f"{url}: {answer}; check the address")


def read_page(url: str, attempts: int = ATTEMPTS, timeout: float = TIMEOUT) -> str:
    """The text of a web page, such as the listing of a folder."""

    def attempt() -> str:
        with opened(url, timeout, {}) as response:
            return response.raw.read(decode_content=False).decode(errors="replace")

    return patiently(url, attempts, attempt)
