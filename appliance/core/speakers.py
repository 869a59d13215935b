"""Speakers of a session, by the service's labels and by the names that people give them."""

import unicodedata
from collections.abc import Iterable, Mapping

import msgspec

MAX_NAME = 40
"""Characters of a name."""

JOINERS = "\u200c\u200d"
"""Marks that cannot be seen but belong to the spelling of some names."""

LabelKey = tuple[int, str]
"""Identity of a speaker in a session: where the connection's audio starts, and the label there."""


class Speaker(msgspec.Struct, frozen=True):
    """Somebody who speaks in a session.

    Labels hold for one connection: the "A" of the next one may be somebody else.

    >>> Speaker("A").tag, Speaker("A", connection=2).tag
    ('A', 'A2')
    >>> Speaker("A", name="Anna").shown
    'Anna'

    Attributes:
        label: what the service calls the speaker.
        connection: counts the session's connections with labels, from 1.
        name: what people call the speaker; empty until they have said so.
    """

    label: str
    connection: int = 1
    name: str = ""

    @property
    def tag(self) -> str:
        """The label, with the number of the connection from the second one on."""
        return self.label if self.connection == 1 else f"{self.label}{self.connection}"

    @property
    def shown(self) -> str:
        """The name, or the tag as long as there is none."""
        return self.name or self.tag


def known_speakers(
    heard: Iterable[LabelKey], names: Mapping[LabelKey, str]
) -> dict[LabelKey, Speaker]:
    """Return the speakers of a session.

    >>> known_speakers([(0, "A"), (16_000, "A")], {(0, "A"): "Anna"})[16_000, "A"]
    Speaker(label='A', connection=2, name='')

    Args:
        heard: the speakers of its turns, in any order; an empty label is nobody's.
        names: the names of some of them.
    """
    labelled = {key for key in heard if key[1]}
    origins = sorted({origin for origin, _ in labelled})
    number = {origin: connection for connection, origin in enumerate(origins, start=1)}
    return {key: Speaker(key[1], number[key[0]], names.get(key, "")) for key in labelled}


def clean_name(text: str) -> str:
    """Return a name on one line, without what no name has; empty if nothing is left.

    >>> clean_name(" Aunt  Anna. ")
    'Aunt Anna'
    """
    printable = "".join(
        letter
        for letter in unicodedata.normalize("NFC", text)
        if letter.isspace() or letter in JOINERS or unicodedata.category(letter)[0] != "C"
    )
    name = " ".join(printable.split())[:MAX_NAME]
    return name.strip(" .,:;!?<>\"'")
