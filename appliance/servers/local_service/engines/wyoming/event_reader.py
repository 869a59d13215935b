"""Bounded reader of the events of a Wyoming server.

An event is a line of JSON; its data may follow as so many bytes of JSON, and a payload after that.
"""

import asyncio
from typing import Annotated, Any

import msgspec
from wyoming.event import Event

from appliance.core.json_decoder import MAX_SIZE, JsonDecoder

_Size = Annotated[int, msgspec.Meta(ge=0, le=MAX_SIZE)]


class _Header(msgspec.Struct):
    type: str
    data: dict[str, Any] | None = None
    data_length: _Size | None = None
    payload_length: _Size | None = None


_HEADER = JsonDecoder(_Header)
_DATA = JsonDecoder(dict[str, Any])


async def read_event(reader: asyncio.StreamReader) -> Event | None:
    """Return the next event, without its payload; None if there is none, or none that makes sense.

    The package's own function lets the server say how much memory an event takes.

    Raises:
        OSError, EOFError: the connection ended within the event.
    """
    try:
        line = await reader.readline()
        if not line:
            return None
        header = _HEADER.decode(line)
        data = header.data or {}
        if header.data_length:
            data.update(_DATA.decode(await reader.readexactly(header.data_length)))
        if header.payload_length:
            await reader.readexactly(header.payload_length)  # nothing that is needed has one
        return Event(header.type, data)
    except ValueError:  # invalid JSON, or a line beyond the reader's limit
        return None
