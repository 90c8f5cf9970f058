"""Every file that the documentation names exists or is written by a rule, and every link has a target."""

import re
import subprocess
from functools import cache
from urllib.parse import urlsplit

import pytest

from tests.docs.markdown import PAGES, REPOSITORY, blocks, heading_anchors, inline, links, prose
from workflow_scripts.common.files import read_table

SUFFIXES = "csv|gz|json|jsonl|md|parquet|py|smk|tsv|txt|yaml|bin|npy"
NAME = re.compile(rf"[\w.<>-]+\.(?:{SUFFIXES})")
PATH = re.compile(r"(?!\./-)[\w.<>-]+/(?:[\w.<>-]+/)*[\w.<>-]*")
# Quoted messages that are not from this project.
FOREIGN_MESSAGES = {"No space left on device", "Read-only file system", "Permission denied"}


@cache
def files() -> dict[str, str]:
    """The text of every tracked or new file of rules, scripts, profiles and configuration, by path."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    rooms = ("Snakefile", "Makefile", "rules/", "workflow_scripts/", "config/", "profiles/", "envs/", "pyproject.toml")
    return {path: (REPOSITORY / path).read_text() for path in listed if path.startswith(rooms)}


def as_pattern(path: str) -> str:
    """A pattern that finds a documented path in the rules; names in angle brackets match any name."""
    parts = path.strip("/").split("/")
    return "/".join(r"(?:\{+\w+\}+|[\w.-]+)" if part.startswith("<") else re.escape(part) for part in parts)


def is_known(path: str) -> bool:
    """Whether the repository has this file or folder, or a rule or a script names it."""
    if (REPOSITORY / path).exists():
        return True
    if "/" in path:
        pattern = re.compile(as_pattern(path))
        return any(pattern.search(text) for text in files().values())
    return any(path in text or known.endswith(f"/{path}") for known, text in files().items())


def test_every_named_file_exists():
    named = [piece for piece in inline() if PATH.fullmatch(piece.text) or NAME.fullmatch(piece.text)]
    assert len(named) > 30
    examples = {name for block in blocks("bash") for name in NAME.findall(block.text)}
    examples |= {
        name for language in ("yaml", "tsv") for block in blocks(language) for name in NAME.findall(block.text)
    }
    unknown = [f"{place}: {text}" for place, _, text in named if not is_known(text) and text not in examples]
    assert unknown == []


@pytest.mark.parametrize(("page", "target"), list(links()), ids=str)
def test_every_link_has_a_target(page, target):
    if not target.startswith("https://"):
        path, _, anchor = target.partition("#")
        place = page.parent / path if path else page
        assert place.exists()
        assert not anchor or anchor in heading_anchors(place)


def test_every_quoted_symptom_is_a_message_of_the_workflow():
    """Messages quoted in the first column of the troubleshooting table occur in the code."""
    rows = re.findall(r"^\| (.+?) \|", (REPOSITORY / "README.md").read_text().split("| symptom |")[1], re.M)
    quoted = [words for row in rows for words in re.findall(r'"([^"]+)"', row)]
    assert len(quoted) > 5
    code = re.sub(r'"\s*\n\s*f?"', "", "\n".join(files().values()))
    assert [words for words in quoted if words not in code and words not in FOREIGN_MESSAGES] == []


def test_the_owner_of_every_download_host_is_documented():
    config = REPOSITORY / "config"
    rows = [row for path in (*config.glob("gue_*s.tsv"), *config.glob("species_*.tsv")) for row in read_table(path)]
    hosts = {urlsplit(row["url"]).hostname for row in rows if row.get("url")}
    assert len(hosts) >= 6
    page = (REPOSITORY / "docs/data.md").read_text()
    assert [host for host in hosts if host not in page] == []


def test_lines_are_short():
    long = [
        f"{page.relative_to(REPOSITORY)}:{number}"
        for page in PAGES
        for number, line in enumerate(prose(page).splitlines(), start=1)
        if len(line) > 120 and not line.startswith("|")
    ]
    assert long == []
