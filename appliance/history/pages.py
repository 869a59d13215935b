"""Pages of a SQLite file, read without the library, which gives up at the first damaged one.

The format is SQLite's own (https://sqlite.org/fileformat2.html).
"""

import itertools
import struct
from collections.abc import Callable, Iterator

Value = str | int | float | bytes | None
Row = tuple[Value, ...]

TABLE_LEAF = 0x0D
INDEX_LEAF = 0x0A
INDEX_INTERIOR = 0x02

MAX_PAYLOAD = 1024 * 1024
"""Bytes of one row; the history's have a few thousand."""

_SIZES = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8, 8: 0, 9: 0}
"""Bytes of a value by its serial type."""


Read = Callable[[int, int], bytes]
"""Returns bytes of the file from an offset; fewer where it ends or can't be read."""


def rows(read: Read, length: int) -> Iterator[tuple[int, Row]]:
    """Yield the kind of page and the values of each row that can be read of a database.

    Args:
        read: reads the file, of which parts may be damaged.
        length: bytes of the file.
    """
    size = _page_size(read(0, 100))
    for start in range(0, length, size):
        page = read(start, size)
        header = 100 if start == 0 else 0
        if len(page) == size and page[header] in (TABLE_LEAF, INDEX_LEAF, INDEX_INTERIOR):
            yield from ((page[header], row) for row in _rows_of_page(read, page, header))


def _page_size(data: bytes) -> int:
    (size,) = struct.unpack(">H", data[16:18].ljust(2, b"\0"))
    size = 65_536 if size == 1 else size
    return size if 512 <= size <= 65_536 and size & (size - 1) == 0 else 4096


def _rows_of_page(read: Read, page: bytes, header: int) -> Iterator[Row]:
    interior = page[header] == INDEX_INTERIOR
    (count,) = struct.unpack(">H", page[header + 3 : header + 5])
    pointers = page[header + (12 if interior else 8) :][: 2 * count]
    for (cell,) in struct.iter_unpack(">H", pointers[: len(pointers) // 2 * 2]):
        row = _row(read, page, cell + (4 if interior else 0), page[header])
        if row is not None:
            yield row


def _row(read: Read, page: bytes, at: int, kind: int) -> Row | None:
    """Return the values of a row; None if its cell is damaged."""
    try:
        length, at = _varint(page, at)
        if kind == TABLE_LEAF:
            _, at = _varint(page, at)
        payload = _payload(read, page[at:], length, kind, len(page))
        return None if payload is None else _values(payload)
    except (IndexError, struct.error, UnicodeDecodeError, ValueError):
        return None


def _payload(read: Read, cell: bytes, length: int, kind: int, size: int) -> bytes | None:
    """Return the bytes of a row, of which a long one goes on in a chain of other pages."""
    if not 0 < length <= MAX_PAYLOAD:
        return None
    most = size - 35 if kind == TABLE_LEAF else (size - 12) * 64 // 255 - 23
    if length <= most:
        return cell[:length]
    least = (size - 12) * 32 // 255 - 23
    local = least + (length - least) % (size - 4)
    local = local if local <= most else least
    found = cell[:local]
    following = int.from_bytes(cell[local : local + 4], "big")
    while following and len(found) < length:
        overflow = read((following - 1) * size, size)
        if len(overflow) < size:
            break
        following = int.from_bytes(overflow[:4], "big")
        found += overflow[4:]
    return found[:length] if len(found) >= length else None


def _values(payload: bytes) -> Row:
    header, at = _varint(payload, 0)
    types = []
    while at < header:
        type_, at = _varint(payload, at)
        types.append(type_)
    ends = list(itertools.accumulate(map(_size, types), initial=header))
    if ends[-1] != len(payload):
        raise ValueError("the row has another length than its values")
    return tuple(
        _value(type_, payload[start:end])
        for type_, (start, end) in zip(types, itertools.pairwise(ends), strict=True)
    )


def _size(type_: int) -> int:
    return (type_ - 12) // 2 if type_ >= 12 else _SIZES.get(type_, 0)


def _value(type_: int, data: bytes) -> Value:
    if type_ == 0:
        return None
    if type_ in (8, 9):
        return type_ - 8
    if type_ == 7:
        return float(struct.unpack(">d", data)[0])
    if type_ < 7:
        return int.from_bytes(data, "big", signed=True)
    return data.decode("utf-8") if type_ % 2 else data


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number of variable length at a position, and the position after it."""
    value = 0
    for length in range(8):
        byte = data[at + length]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + length + 1
    return value << 8 | data[at + 8], at + 9
