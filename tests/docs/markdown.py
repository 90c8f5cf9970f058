"""Parse the pages of the documentation: code blocks, inline code, links, headings."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = [
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "config/README.md")),
    *sorted((REPOSITORY / "docs").glob("*.md")),
]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


class Piece(NamedTuple):
    """A code block or inline code: its place (page:line), its language (empty for inline code), and its text."""

    place: str
    language: str
    text: str


def place(page: Path, position: int) -> str:
    return f"{page.relative_to(REPOSITORY)}:{page.read_text()[:position].count(chr(10)) + 1}"


def blocks(language: str) -> list[Piece]:
    """The code blocks of one language on all pages."""
    return [
        Piece(place(page, match.start()), language, match[2])
        for page in PAGES
        for match in BLOCK.finditer(page.read_text())
        if match[1] == language
    ]


RECIPES = re.compile(r"^### Add .*?(?=^## |\Z)", re.M | re.S)
"""The steps of CONTRIBUTING.md, which name what does not exist yet; test_recipes follows them."""


def blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def prose(page: Path) -> str:
    """A page with its code blocks and recipes replaced by blanks; all other characters keep their positions."""
    return BLOCK.sub(blank, RECIPES.sub(blank, page.read_text()))


def inline() -> Iterator[Piece]:
    """Inline code, also if it continues on the next line."""
    for page in PAGES:
        for match in re.finditer(r"`([^`]+)`", prose(page)):
            yield Piece(place(page, match.start()), "", " ".join(match[1].split()))


def links() -> Iterator[tuple[Path, str]]:
    """Page and target of every link and image."""
    for page in PAGES:
        for match in re.finditer(r"\]\(([^)\s]+)\)", prose(page)):
            yield page, match[1]


def heading_anchors(page: Path) -> set[str]:
    """The anchors (the part of a link after #) of a page."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
