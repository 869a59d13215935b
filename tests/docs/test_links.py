"""Links between the documents lead somewhere, and nothing in docs/ is left over."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, code_spans, links, text_of

LONGEST_README = 8000
"""Bytes that a newcomer reads before the rest."""

NAME_FILES = ("CONTRIBUTING.md", "docs/architecture.md")
"""Pages in which a path in backticks is one of the tree."""

_A_PATH = re.compile(r"(?:appliance|docs|scripts|systemd|tests)/[\w./-]*|\w[\w-]*\.(?:md|toml)")

_A_NAME = re.compile(r"(?:[A-Z][a-z]\w+|[A-Z]{2,}[A-Z_]*)(?:\.[a-z_]\w*)?")
"""A class, one of its methods, or a constant."""


def local_links() -> Iterator[tuple[Path, str]]:
    """Yield each page with each of its links that stays in the tree."""
    for page in PAGES:
        for link in links(page):
            if not re.match(r"\w+:", link):
                yield page, link


def target(page: Path, link: str) -> Path:
    """Return the file that a link leads to."""
    path = link.partition("#")[0]
    return (page.parent / path).resolve() if path else page


def name(value: object) -> str:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else str(value)


@pytest.mark.parametrize(("page", "link"), list(local_links()), ids=name)
def test_a_link_leads_somewhere(page: Path, link: str) -> None:
    there, anchor = target(page, link), link.partition("#")[2]
    assert there.exists()
    assert not anchor or anchor in anchors(there)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_table_of_contents_is_complete(page: Path) -> None:
    listed = re.findall(r"^- \[.*?\]\(#(.*?)\)$", text_of(page), re.MULTILINE)
    sections = re.findall(r"^## (.*)$", text_of(page), re.MULTILINE)
    assert not listed or len(listed) == len(sections)


def test_every_page_is_linked_from_the_readme() -> None:
    reached: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        pages = {target(page, link) for link in links(page)} & set(PAGES)
        ahead.extend(pages - reached)
    documents = {page for page in PAGES if page.parent in (ROOT, ROOT / "docs")}
    assert documents <= reached


def test_every_picture_is_shown() -> None:
    shown = {target(page, link) for page, link in local_links()}
    drawn = {*(ROOT / "docs" / "screens").iterdir(), *(ROOT / "docs").glob("*.svg")}
    assert drawn <= shown


@pytest.mark.parametrize("page", NAME_FILES)
def test_every_file_that_is_named_exists(page: str) -> None:
    named = [span for span in code_spans(page) if _A_PATH.fullmatch(span)]
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", NAME_FILES)
def test_every_class_and_table_that_is_named_exists(page: str) -> None:
    spans = [span for span in code_spans(page) if not _A_PATH.fullmatch(span)]
    named = [span for span in spans if _A_NAME.fullmatch(span)]
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "appliance").rglob("*.py"))
    missing = []
    for span in named:
        top, _, method = span.partition(".")
        defined = re.search(rf"^(class {top}\b|{top}\b.* = )", code, re.MULTILINE)
        if not defined or (method and f"def {method}(" not in code):
            missing.append(span)
    assert named
    assert missing == []


def test_the_readme_is_short() -> None:
    assert len(text_of("README.md").encode()) <= LONGEST_README
