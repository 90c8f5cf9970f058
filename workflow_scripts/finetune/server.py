"""A process that has loaded the libraries once and forks a child for each fit that asks it to.

    python -m workflow_scripts.finetune.server FOLDER NAME

It listens at a Unix socket in a folder that only its user can read. A client (see launch) sends the arguments of a fit,
its working directory and environment, and its standard output and error, which the child takes over. It may then send
signals for the child, one byte each, and is answered with the exit status. A client that goes away has its child
killed. The server holds no CUDA, so that its children can; it leaves after IDLE seconds without a fit.
"""

import contextlib
import ctypes
import fcntl
import gc
import json
import os
import selectors
import signal
import socket
import struct
import sys
import traceback
from pathlib import Path
from typing import Any

IDLE = 60.0
LENGTH = struct.Struct("!Q")  # of the request, in bytes
PR_SET_PDEATHSIG = 1  # prctl(2)


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """The request of a client, and its open files. Raises ConnectionError where it breaks off."""
    head, descriptors, _, _ = socket.recv_fds(connection, LENGTH.size, 2)
    if len(head) < LENGTH.size or len(descriptors) != 2:
        raise ConnectionError("no request")
    with connection.makefile("rb", buffering=0) as stream:
        body = b""
        while missing := LENGTH.unpack(head)[0] - len(body):
            part = stream.read(missing)
            if not part:
                raise ConnectionError("half a request")
            body += part
    return json.loads(body), descriptors


def run(request: dict[str, Any], descriptors: list[int], server: int) -> int:
    """Run a fit in the place of the client; returns its exit status. For a forked child, which ends with it."""
    from workflow_scripts.finetune import finetune_model

    with contextlib.suppress(OSError, AttributeError):  # Linux alone has it
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:
        return 1
    os.setsid()
    for number, descriptor in zip((1, 2), descriptors, strict=True):
        os.dup2(descriptor, number)
    os.environ.clear()
    os.environ.update(request["environment"])
    # a server that was started in the background ignores it, and so would its children
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        os.chdir(request["folder"])
        return finetune_model.main(request["arguments"])
    except SystemExit as left:  # of the parser of the arguments
        return left.code if isinstance(left.code, int) else 1
    except BaseException:
        traceback.print_exc()
        return 1


class Server:
    """The connections of clients, and the child of each."""

    def __init__(self, listener: socket.socket):
        self.listener, self.selector = listener, selectors.DefaultSelector()
        self.selector.register(listener, selectors.EVENT_READ, self.accept)
        self.children: dict[int, tuple[socket.socket, int]] = {}  # process -> connection, descriptor of the process

    def serve(self) -> None:
        """Answer clients until none has come for a while."""
        while events := self.selector.select(None if self.children else IDLE):
            for key, _ in events:
                key.data()

    def accept(self) -> None:
        """Take a client's request and fork its child."""
        connection, _ = self.listener.accept()
        connection.settimeout(10)
        try:
            request, descriptors = receive(connection)
        except (OSError, ValueError):
            connection.close()
            return
        server = os.getpid()
        process = os.fork()
        if not process:
            status = 1
            try:
                self.listener.close()
                for other, _ in self.children.values():
                    other.close()
                connection.close()
                status = run(request, descriptors, server)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        for descriptor in descriptors:
            os.close(descriptor)
        watched = os.pidfd_open(process)
        self.children[process] = connection, watched
        self.selector.register(watched, selectors.EVENT_READ, lambda: self.ended(process))
        self.selector.register(connection, selectors.EVENT_READ, lambda: self.told(process))

    def told(self, process: int) -> None:
        """Pass signals on to a child; kill it where its client is gone."""
        if process not in self.children:
            return  # it has ended in the same moment
        connection, _ = self.children[process]
        try:
            numbers = connection.recv(16)
        except OSError:
            numbers = b""
        if not numbers:
            self.selector.unregister(connection)
        for number in numbers or [signal.SIGKILL]:
            os.kill(process, number)

    def ended(self, process: int) -> None:
        """Tell the client the exit status of its child."""
        connection, watched = self.children.pop(process)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        self.selector.unregister(watched)
        os.close(watched)
        with contextlib.suppress(KeyError):
            self.selector.unregister(connection)
        with contextlib.suppress(OSError):
            connection.sendall(f"{status}\n".encode())
        connection.close()


def main() -> None:
    folder, name = Path(sys.argv[1]), sys.argv[2]
    with (folder / f"{name}.lock").open("a") as lock, socket.socket(socket.AF_UNIX) as listener:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another one is there already
        path = folder / f"{name}.sock"
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        listener.listen(128)
        try:
            import peft  # noqa: F401 - for the children

            from workflow_scripts.finetune import finetune_model  # noqa: F401 - for the children

            gc.freeze()
            Server(listener).serve()
        finally:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
