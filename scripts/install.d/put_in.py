"""Editor of a settings file, which changes single values and nothing else.

usage: put_in.py FILE SECTION.KEY=TEXT ...
"""

import json
import re
import sys
import tomllib
from pathlib import Path

ANY_SECTION = re.compile(r"\s*\[")


class UnfitFileError(Exception):
    """The file can't be edited by lines without changing anything else."""


def put_in(text: str, section: str, key: str, value: str) -> str:
    """Return the settings with one text value changed, in its line or in a new one.

    Raises:
        UnfitFileError: they are not valid TOML, or the value has no line of its own.
    """
    wanted = _parsed(text)
    wanted.setdefault(section, {})[key] = value
    changed = "\n".join(_lines(text.splitlines(), section, key, _quoted(value))) + "\n"
    if _parsed(changed) != wanted:
        raise UnfitFileError(f"{key} can't be put in; add it under [{section}] by hand")
    return changed


def _lines(lines: list[str], section: str, key: str, value: str) -> list[str]:
    """Return the lines with the assignment, which replaces one of this key or is added."""
    assignment = f"{key} = {value}"
    header = re.compile(rf"\s*\[\s*{re.escape(section)}\s*\]\s*(#.*)?$")
    begin = next((at for at, line in enumerate(lines, 1) if header.match(line)), None)
    if begin is None:
        return [*lines, "", f"[{section}]", assignment]
    ends = (at for at in range(begin, len(lines)) if ANY_SECTION.match(lines[at]))
    end = next(ends, len(lines))
    same = re.compile(rf"\s*{re.escape(key)}\s*=")
    place = next((at for at in range(begin, end) if same.match(lines[at])), None)
    if place is None:
        return [*lines[:begin], assignment, *lines[begin:]]
    return [*lines[:place], assignment, *lines[place + 1 :]]


def _parsed(text: str) -> dict[str, dict[str, object]]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UnfitFileError(f"the settings have a mistake: {error}") from error


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def main() -> None:
    """Change the file in the first argument."""
    path = Path(sys.argv[1])
    text = path.read_text(encoding="utf-8")
    try:
        for change in sys.argv[2:]:
            name, value = change.split("=", 1)
            section, key = name.split(".")
            text = put_in(text, section, key, value)
    except UnfitFileError as error:
        sys.exit(f"  {error}")
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
