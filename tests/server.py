"""A web server for tests: it serves files as a good server does, or misbehaves in the ways that are asked of it.

with Server() as server:
    server.files["/a"] = data
    server.faults["/a"] = iter([busy(503), cut(1000)])     # then well-behaved; repeat(fault): for ever
    fetch(f"{server.url}/a", path)
    server.sent("/a")                                      # bytes of body that each request got
"""

import fcntl
import hashlib
import os
import re
import socket
import struct
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BLOCK = 1 << 16


@dataclass
class Request:
    """One request, and the bytes of body that were sent for it."""

    path: str
    headers: dict[str, str]
    sent: int = 0


class Handler(BaseHTTPRequestHandler):
    """Answers one request after the other of a connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        owner = self.server.owner
        self.request_seen = Request(self.path, dict(self.headers))
        owner.requests.append(self.request_seen)
        fault = next(owner.faults.get(self.path, iter(())), serve)
        fault(self)

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        """Send a whole answer; header names are written with _ for -."""
        self.head(status, {"Content-Length": str(len(body))} | {k.replace("_", "-"): v for k, v in headers.items()})
        self.send(body)

    def head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send(self, body: bytes) -> None:
        for start in range(0, len(body), BLOCK):
            block = body[start : start + BLOCK]
            # before, because the client may look as soon as it has the last byte
            self.request_seen.sent += len(block)
            self.wfile.write(block)

    def found(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body as a good server gives them: Range, If-Range and ETag are honoured."""
        data = self.server.owner.files.get(self.path)
        if data is None:
            return 404, {"Content-Length": "0"}, b""
        tag = f'"{hashlib.md5(data).hexdigest()}"'
        headers = {"ETag": tag, "Accept-Ranges": "bytes"}
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked is None or self.headers.get("If-Range", tag) != tag:
            return 200, headers | {"Content-Length": str(len(data))}, data
        begin = int(asked[1])
        if begin >= len(data):
            return 416, {"Content-Length": "0", "Content-Range": f"bytes */{len(data)}"}, b""
        place = {"Content-Range": f"bytes {begin}-{len(data) - 1}/{len(data)}"}
        return 206, headers | place | {"Content-Length": str(len(data) - begin)}, data[begin:]

    def reset(self) -> None:
        """Break the connection with RST, once the client's machine has all that was sent."""
        while struct.unpack("i", fcntl.ioctl(self.connection, termios.TIOCOUTQ, b"\0\0\0\0"))[0]:
            time.sleep(0.001)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        os.close(self.connection.detach())

    def log_message(self, *_):
        pass


class Listener(ThreadingHTTPServer):
    """Says nothing about clients that leave."""

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


Fault = Callable[[Handler], None]


class Server:
    """A server on a free port of this machine, within ``with``."""

    handler = Handler

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, Iterator[Fault]] = {}
        self.requests: list[Request] = []
        self.stopping = threading.Event()
        self.http = Listener(("127.0.0.1", 0), self.handler)
        self.http.owner = self
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def sent(self, path: str) -> list[int]:
        return [request.sent for request in self.requests if request.path == path]

    def __enter__(self) -> "Server":
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        return self

    def __exit__(self, *_exception) -> None:
        self.stopping.set()
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


def serve(handler: Handler) -> None:
    """No fault."""
    status, headers, body = handler.found()
    handler.head(status, headers)
    handler.send(body)


def answer(status: int, body: bytes = b"", **headers: str) -> Fault:
    """Some other answer: busy, a redirect, a web page, false headers."""
    return lambda handler: handler.answer(status, body, **headers)


def cut(at: int) -> Fault:
    """Serve up to the file's byte ``at``, then reset the connection."""

    def fault(handler: Handler) -> None:
        _serve_until(handler, at)
        handler.reset()

    return fault


def stall(at: int) -> Fault:
    """Serve up to the file's byte ``at``, then send nothing more until the server stops."""

    def fault(handler: Handler) -> None:
        _serve_until(handler, at)
        handler.server.owner.stopping.wait()
        handler.close_connection = True

    return fault


def ignore_range(handler: Handler) -> None:
    """Send the whole file, whatever was asked for."""
    del handler.headers["Range"]
    serve(handler)


def misplace(begin: int, total: int) -> Fault:
    """Answer a Range with another part than was asked for, or with a part of another file."""

    def fault(handler: Handler) -> None:
        place = f"bytes {begin}-{begin + 99}/{total}"
        handler.answer(206, b"x" * 100, Content_Range=place, ETag=handler.headers.get("If-Range", '"x"'))

    return fault


def piece(length: int) -> Fault:
    """Answer a Range with its first ``length`` bytes."""

    def fault(handler: Handler) -> None:
        status, headers, body = handler.found()
        handler.head(status, headers | {"Content-Length": str(min(length, len(body)))})
        handler.send(body[:length])

    return fault


def overflow(handler: Handler) -> None:
    """Answer a Range with more than the file has."""
    status, headers, body = handler.found()
    handler.head(status, headers | {"Content-Length": str(len(body) + 4)})
    handler.send(body + b"more")


def announce(length: int) -> Fault:
    """Send the whole file, but announce another length, and close the connection behind it."""

    def fault(handler: Handler) -> None:
        body = handler.server.owner.files[handler.path]
        handler.head(200, {"Content-Length": str(length)})
        handler.send(body)
        handler.close_connection = True

    return fault


def _serve_until(handler: Handler, at: int) -> None:
    status, headers, body = handler.found()
    total = len(handler.server.owner.files[handler.path])
    handler.head(status, headers)
    handler.send(body[: max(at - (total - len(body)), 0)])
