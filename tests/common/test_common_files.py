"""Files are complete or absent, equal contents give equal bytes, and tables survive a round trip."""

import gzip
import hashlib
import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import (
    atomic,
    atomic_directory,
    digest,
    numbered_rows,
    open_text,
    read_json,
    read_table,
    write_gzip,
    write_json,
    write_table,
    write_text,
)

CELLS = st.text(st.characters(exclude_characters="\t\r\n", exclude_categories=["Cs"]))
# first cells that make their line neither empty nor a comment
FIRST_CELLS = CELLS.filter(lambda cell: cell.strip() and not cell.startswith("#"))


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_an_atomic_file_appears_on_success(tmp_path):
    path = tmp_path / "deep" / "file"
    with atomic(path) as temporary:
        temporary.write_text("new")
        assert not path.exists() and temporary.parent == path.parent
    assert path.read_text() == "new" and names(path.parent) == {"file"}


def test_an_atomic_file_keeps_the_old_content_on_failure(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        with atomic(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt
    assert path.read_text() == "old" and names(tmp_path) == {"file"}


def test_an_atomic_directory_replaces_the_old_one_on_success(tmp_path):
    path = tmp_path / "model"
    path.mkdir()
    (path / "stale").touch()
    with atomic_directory(path) as temporary:
        (temporary / "weights").write_text("new")
        assert names(path) == {"stale"}
        assert temporary.parent == tmp_path and temporary.name.startswith(".")  # on the same disk, hidden
    assert names(path) == {"weights"} and names(tmp_path) == {"model"}
    assert path.stat().st_mode & 0o777 == 0o755


def test_an_atomic_directory_keeps_the_old_content_on_failure(tmp_path):
    path = tmp_path / "model"
    path.mkdir()
    (path / "weights").write_text("old")
    with pytest.raises(ZeroDivisionError):
        with atomic_directory(path) as temporary:
            (temporary / "weights").write_text("half")
            _ = 1 / 0
    assert (path / "weights").read_text() == "old" and names(tmp_path) == {"model"}


def test_digests_are_those_of_hashlib(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"ACGT" * 1000)
    assert digest(path) == hashlib.sha256(b"ACGT" * 1000).hexdigest()
    assert digest(path, "md5") == hashlib.md5(b"ACGT" * 1000).hexdigest()


def test_gzip_has_no_timestamp_and_no_name(tmp_path, monkeypatch):
    for number, now in enumerate((0.0, 2e9)):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        write_gzip(tmp_path / f"{number}.gz", b"ACGT" * 1000)
    one, other = ((tmp_path / f"{number}.gz").read_bytes() for number in range(2))
    assert one == other and one[4:8] == bytes(4)
    assert gzip.decompress(one) == b"ACGT" * 1000


def test_equal_values_give_equal_json(tmp_path):
    write_json(tmp_path / "one", {"b": 1, "a": [1.5, "ä", None]})
    write_json(tmp_path / "two", {"a": [1.5, "ä", None], "b": 1})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one").read_bytes().endswith(b"}\n") and "ä".encode() in (tmp_path / "one").read_bytes()
    assert read_json(tmp_path / "one") == {"a": [1.5, "ä", None], "b": 1}


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_plain_and_gzipped_text_is_opened(tmp_path, pack):
    path = tmp_path / "text"  # recognised by its bytes, not by its name
    path.write_bytes(pack("ä\r\nb\n".encode()))
    with open_text(path) as handle:
        assert handle.read().splitlines() == ["ä", "b"]


@settings(max_examples=60)
@given(rows=st.lists(st.fixed_dictionaries({"name": FIRST_CELLS, "b": CELLS, "c": CELLS}), max_size=5))
def test_tables_survive_a_round_trip(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "round_trip.tsv"
    write_table(path, rows, ["name", "c", "b"])
    assert read_table(path) == rows
    assert path.read_text(encoding="utf-8").split("\n")[0] == "name\tc\tb"


def test_cells_are_written_as_text_and_none_as_an_empty_cell(tmp_path):
    write_table(tmp_path / "t.tsv", [{"a": 1, "b": None, "unused": 7}, {"a": 0.5, "b": True}], ["a", "b"])
    assert read_table(tmp_path / "t.tsv") == [{"a": "1", "b": ""}, {"a": "0.5", "b": "True"}]


@pytest.mark.parametrize("cell", ["a\tb", "a\nb", "a\rb"])
def test_cells_with_tabs_or_line_ends_are_refused(tmp_path, cell):
    with pytest.raises(ValueError, match="tab or line end"):
        write_table(tmp_path / "t.tsv", [{"a": cell}], ["a"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_comments_and_empty_lines_are_skipped_but_counted(tmp_path, end):
    path = tmp_path / "t.tsv"
    path.write_bytes(end.join(["# what it is", "a\tb", "", "1\t2", "# more", "3\t"]).encode())
    assert list(numbered_rows(path)) == [(4, {"a": "1", "b": "2"}), (6, {"a": "3", "b": ""})]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, ": no such table"),
        ("", ": empty table; the first line must name the columns"),
        ("# only a comment\n", ": empty table; the first line must name the columns"),
        ("a\tb\n1\t2\n1\n", ":3: 1 columns where the header has 2"),
        ("a\tb\n\n1\t2\t3\n", ":3: 3 columns where the header has 2"),
    ],
)
def test_mistakes_in_tables_name_file_and_line(tmp_path, text, message):
    path = tmp_path / "t.tsv"
    if text is not None:
        write_text(path, text)
    with pytest.raises(UserError) as caught:
        read_table(path)
    assert str(caught.value) == f"{path}{message}"


def test_temporary_names_differ_between_processes(tmp_path, monkeypatch):
    with atomic(tmp_path / "file") as one:
        one.touch()
        monkeypatch.setattr(os, "getpid", lambda: 1)
        with atomic(tmp_path / "file") as other:
            other.touch()
            assert one != other
