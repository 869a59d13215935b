"""The project's Markdown pages: their links, anchors, tables and the blocks that tests run."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "appliance/**/*.md", "tests/**/*.md")
    for path in ROOT.glob(pattern)
)

_FENCED = re.compile(r"^```(?P<language>[\w-]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)|\bsrc=\"([^\"]+)\"")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def text_of(page: Path | str) -> str:
    """Return a page; a string is a path from the top of the tree."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: Path | str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    found = _FENCED.finditer(text_of(page))
    return [block["text"] for block in found if block["language"] == language]


def marked_block(page: Path | str, name: str) -> str:
    """Return the fenced block below the comment `<!-- block: NAME -->`.

    Raises:
        LookupError: no such comment stands right before a block.
    """
    text, mark = text_of(page), f"<!-- block: {name} -->\n"
    start = text.find(mark) + len(mark)
    block = _FENCED.match(text, start) if mark in text else None
    if block is None:
        raise LookupError(f"{page} has no block marked {mark.strip()}")
    return block["text"]


def code_spans(page: Path | str) -> list[str]:
    """Return what stands in backticks, outside of fenced blocks."""
    return _CODE.findall(_FENCED.sub("", text_of(page)))


def links(page: Path | str) -> Iterator[str]:
    """Yield the target of each link and picture."""
    prose = _CODE.sub("", _FENCED.sub("", text_of(page)))
    for link, picture in _LINK.findall(prose):
        yield link or picture


def anchors(page: Path | str) -> set[str]:
    """Return the anchors that GitHub makes of the headings."""
    found: set[str] = set()
    for heading in _HEADING.findall(_FENCED.sub("", text_of(page))):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        repeated = sum(1 for name in found if re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", name))
        found.add(f"{anchor}-{repeated}" if repeated else anchor)
    return found


def rows(page: Path | str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    _, _, below = text_of(page).partition(f"\n## {heading}\n")
    lines = below.partition("\n## ")[0].splitlines()
    table: list[list[str]] = []
    for line in lines:
        if line.startswith("|"):
            cells = re.split(r"(?<!\\)\|", line.strip("|"))
            table.append([cell.strip() for cell in cells])
        elif table:
            break
    return table[2:]
