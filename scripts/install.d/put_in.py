"""Puts values into a settings file and leaves all else as it was.

Called as put_in.py FILE SECTION.KEY=TEXT ...
"""

import json
import re
import sys
import tomllib
from pathlib import Path

ANY_SECTION = re.compile(r"\s*\[")


class UnfitFileError(Exception):
    """The file can't be changed line by line without changing more than was asked for."""


def put_in(text: str, section: str, key: str, value: str) -> str:
    """Return the settings with one text value changed, in the line where it stands or a new one.

    Raises:
        UnfitFileError: they are no valid TOML, or written in a way that lines don't show.
    """
    wanted = _parsed(text)
    wanted.setdefault(section, {})[key] = value
    changed = "\n".join(_lines(text.splitlines(), section, key, _quoted(value))) + "\n"
    if _parsed(changed) != wanted:
        raise UnfitFileError(f"{key} can't be put in; add it under [{section}] by hand")
    return changed


def _lines(lines: list[str], section: str, key: str, value: str) -> list[str]:
    """Return the lines with one more in its section, or in the place of the one for this key."""
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
    """Change the file named first."""
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
