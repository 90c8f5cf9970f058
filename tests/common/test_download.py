"""What is fetched arrives whole and checked, or not at all."""

import gzip
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from workflow_scripts.common import download
from workflow_scripts.common.download import fetch, main
from workflow_scripts.common.errors import UserError

DATA = bytes(range(256)) * 9000  # more than one block
MD5 = hashlib.md5(DATA).hexdigest()


class Server:
    """Answers each path from a list of (status, headers, body); the last answer stays."""

    def __init__(self):
        self.answers: dict[str, list] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                answers = outer.answers.get(self.path, [(404, {}, b"")])
                status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


@pytest.fixture
def pauses(monkeypatch):
    """The pauses asked for, which are not made."""
    asked = []
    monkeypatch.setattr(download.time, "sleep", asked.append)
    return asked


def assert_nothing(folder):
    assert list(folder.iterdir()) == []


def test_web_file_arrives_with_its_digests(server, tmp_path):
    server.answers["/a"] = [(200, {}, DATA)]
    fetched = fetch(f"{server.url}/a", tmp_path / "deep" / "a", MD5.upper())
    assert (tmp_path / "deep" / "a").read_bytes() == DATA
    assert (fetched.bytes, fetched.md5) == (len(DATA), MD5)
    assert fetched.sha256 == hashlib.sha256(DATA).hexdigest()


def test_gzip_is_not_unpacked_when_the_server_calls_it_an_encoding(server, tmp_path):
    packed = gzip.compress(b"ACGT" * 100, mtime=0)
    server.answers["/a.gz"] = [(200, {"Content-Encoding": "gzip"}, packed)]
    fetch(f"{server.url}/a.gz", tmp_path / "a.gz", hashlib.md5(packed).hexdigest())
    assert (tmp_path / "a.gz").read_bytes() == packed


@pytest.mark.parametrize("status", [429, 500, 503])
def test_busy_server_is_asked_again_after_growing_pauses(server, tmp_path, pauses, status):
    server.answers["/a"] = [(status, {}, b"busy")] * 3 + [(200, {}, DATA)]
    fetch(f"{server.url}/a", tmp_path / "a", MD5)
    assert (tmp_path / "a").read_bytes() == DATA
    assert pauses == [1, 2, 4]


def test_short_body_is_fetched_again(server, tmp_path, pauses):
    server.answers["/a"] = [(200, {"Content-Length": str(len(DATA))}, DATA[:-10]), (200, {}, DATA)]
    fetch(f"{server.url}/a", tmp_path / "a", MD5)
    assert (tmp_path / "a").read_bytes() == DATA
    assert len(pauses) == 1


def test_short_body_for_ever_is_an_error_and_leaves_nothing(server, tmp_path, pauses):
    server.answers["/a"] = [(200, {"Content-Length": str(len(DATA))}, DATA[:-10])]
    with pytest.raises(UserError, match="3 attempts"):
        fetch(f"{server.url}/a", tmp_path / "a", attempts=3)
    assert server.asked == ["/a"] * 3
    assert_nothing(tmp_path)


def test_no_server_is_an_error_after_all_attempts(tmp_path, pauses, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(UserError, match="connection failed"):
        fetch("http://127.0.0.1:9/a", tmp_path / "a", attempts=2)
    assert pauses == [1]
    assert_nothing(tmp_path)


def test_absent_file_is_not_asked_for_again(server, tmp_path, pauses):
    with pytest.raises(UserError, match="404"):
        fetch(f"{server.url}/absent", tmp_path / "a")
    assert server.asked == ["/absent"]
    assert_nothing(tmp_path)


@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html>\n<title>Log in</title>",
        b"\n <HTML><body>",
        b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML">',
    ],
)
def test_web_page_in_a_files_place_is_refused(server, tmp_path, page):
    server.answers["/a"] = [(200, {"Content-Type": "text/plain"}, page)]
    with pytest.raises(UserError, match="web page"):
        fetch(f"{server.url}/a", tmp_path / "a")
    assert_nothing(tmp_path)


def test_wrong_md5_leaves_the_old_file_alone(server, tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    server.answers["/a"] = [(200, {}, DATA)]
    with pytest.raises(UserError, match=MD5):
        fetch(f"{server.url}/a", tmp_path / "a", "0" * 32)
    assert (tmp_path / "a").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_local_places(tmp_path, monkeypatch):
    (tmp_path / "with space").write_bytes(DATA)
    monkeypatch.chdir(tmp_path)
    for number, url in enumerate([(tmp_path / "with space").as_uri(), "with space", str(tmp_path / "with space")]):
        assert fetch(url, tmp_path / str(number), MD5).url == url
        assert (tmp_path / str(number)).read_bytes() == DATA


@pytest.mark.parametrize("url", ["absent", "file:///absent/file", "."])
def test_absent_local_file(url, tmp_path):
    with pytest.raises(UserError, match="no such file"):
        fetch(url, tmp_path / "a")
    assert_nothing(tmp_path)


@pytest.mark.parametrize("url", ["ftp://somewhere/a", "http://"])
def test_address_that_cannot_be_fetched(url, tmp_path):
    with pytest.raises(UserError, match=url):
        fetch(url, tmp_path / "a")


def test_program_writes_file_and_record(tmp_path):
    (tmp_path / "source").write_bytes(DATA)
    out, record = tmp_path / "out", tmp_path / "record.json"
    asked = ["--url", str(tmp_path / "source"), "--out", str(out), "--record", str(record)]
    assert main([*asked, "--md5", MD5]) == 0
    assert json.loads(record.read_text()) == {
        "url": str(tmp_path / "source"),
        "bytes": len(DATA),
        "md5": MD5,
        "sha256": hashlib.sha256(DATA).hexdigest(),
    }
    assert out.read_bytes() == DATA


def test_program_says_its_error_in_one_line(tmp_path, capsys):
    assert main(["--url", str(tmp_path / "absent"), "--out", str(tmp_path / "out")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {tmp_path / 'absent'}: no such file")
