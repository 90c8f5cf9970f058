"""The digests of a user's files: of the content as it is, and read no more than needed."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from workflow_scripts.dag import file_digests
from workflow_scripts.dag.file_digests import digests, tidy


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    forget()


def forget() -> None:
    """As a new process."""
    file_digests._digest.cache_clear()
    file_digests._kept.cache_clear()


@pytest.fixture
def read(monkeypatch):
    """The files that are read."""
    files: list[str] = []

    def digest(path):
        files.append(path)
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()

    monkeypatch.setattr(file_digests, "digest", digest)
    return files


def test_digests_are_those_of_the_content_in_the_order_of_the_paths():
    Path("a").write_text("ACGT")
    Path("b").write_text("TTTT")
    assert digests(["b", "a", "absent"]) == [sha256("TTTT"), sha256("ACGT"), "no such file"]


def test_a_file_is_read_once_also_by_later_processes(read):
    Path("a").write_text("ACGT")
    for spelling in ("a", "./a", str(Path("a").absolute()), ".//a"):
        assert digests([spelling]) == [sha256("ACGT")]
        forget()
    assert read == ["a"]


@pytest.mark.parametrize("way", ["in place", "replaced", "link"])
def test_a_change_of_the_same_size_and_time_is_seen(way):
    """Neither the size nor the time of the content tells of it."""
    Path("a").write_text("ACGT")
    Path("link").symlink_to("a")
    os.utime("a", (1e9, 1e9))
    assert digests(["link"]) == [sha256("ACGT")]
    forget()
    if way == "in place":
        Path("a").write_text("TGCA")
        os.utime("a", (1e9, 1e9))
    else:
        Path("b").write_text("TGCA")
        os.utime("b", (1e9, 1e9))
        if way == "replaced":
            Path("b").replace("a")
        else:
            Path("link").unlink()
            Path("link").symlink_to("b")
    assert digests(["link"]) == [sha256("TGCA")]


def test_a_touch_and_a_copy_have_the_same_digest(read):
    Path("a").write_text("ACGT")
    before = digests(["a"])
    os.utime("a", (1e9, 1e9))
    assert digests(["a"]) == before
    shutil.copy2("a", "copy")
    Path("copy").replace("a")
    assert digests(["a"]) == before and len(read) == 3, "it was read each time"


def test_what_is_kept_may_be_damaged_or_not_be_written():
    Path("a").write_text("ACGT")
    assert digests(["a"]) == [sha256("ACGT")]
    kept = file_digests.KEPT.read_text()
    for damaged in (kept[:20], "not\ta table\n", kept + kept[:30], "\x00\n" + kept):
        file_digests.KEPT.write_text(damaged)
        forget()
        assert digests(["a"]) == [sha256("ACGT")]
    shutil.rmtree(".snakemake")
    Path(".snakemake").write_text("a file where the folder should be")
    forget()
    assert digests(["a"]) == [sha256("ACGT")]


def test_a_path_has_one_spelling(tmp_path):
    Path("folder").mkdir()
    for spelling in ("folder/a", "./folder//a", "folder/../folder/./a", f"{tmp_path}/folder/a"):
        assert tidy(spelling) == "folder/a"
    assert tidy("/elsewhere/./a") == "/elsewhere/a" and tidy("../a") == str(tmp_path.parent / "a")
