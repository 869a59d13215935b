"""Parameters that were asked for and not applied, by what `Begin` says of its configuration."""

import math
from collections.abc import Iterator, Mapping

import msgspec

from appliance.core.json_decoder import InvalidJsonError, JsonDecoder
from appliance.core.unapplied import Unapplied

NAMES = {"speech_model": "model"}
"""Names of parameters in the configuration, where they differ."""

NOT_COMPARED = ("formatted_finals", "encoding", "sample_rate", "token")
"""Parameters of earlier services, and those that are no setting."""

_ANY = JsonDecoder[object](object)

MOST_SHOWN = 40
"""Characters of a value that are shown."""


def unapplied(asked: Mapping[str, object], configuration: object) -> tuple[Unapplied, ...]:
    """Return the owner's parameters that the service did not apply as asked.

    A service that does not say what it applies is older, and is believed.

        >>> unapplied({"speech_model": "nova"}, {"model": "universal-3-6-pro"})
        (Unapplied(name='speech_model', asked='nova', applied='universal-3-6-pro'),)

    Args:
        asked: the owner's parameters.
        configuration: that of `Begin`.
    """
    if not isinstance(configuration, dict):
        return ()
    return tuple(_unapplied(asked, configuration))


def _unapplied(
    asked: Mapping[str, object], configuration: Mapping[object, object]
) -> Iterator[Unapplied]:
    for name, value in asked.items():
        applied = configuration.get(NAMES.get(name, name), configuration.get(name))
        if name not in NOT_COMPARED and not _is_alike(value, applied):
            yield Unapplied(name, _shown(value), _shown(applied))


def _is_alike(asked: object, applied: object) -> bool:
    """Return whether two values mean the same, however they are written."""
    one, other = _plain(asked), _plain(applied)
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6)
    return type(one) is type(other) and one == other


def _plain(value: object) -> object:
    """Return a value without its spelling; None for what is the same as not set."""
    if isinstance(value, str):
        text = value.strip().lower()
        try:
            value = _ANY.decode(text)
        except InvalidJsonError:
            value = text
    if value is None or value is False or value in ("", [], {}):
        return None
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return float(min(max(value, -(2**63)), 2**63))
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        plain = ((str(key).lower(), _plain(item)) for key, item in value.items())
        return {key: item for key, item in plain if item is not None}
    return value


def _shown(value: object) -> str:
    """Return a value for the log and the doctor; empty if it is not set."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = " ".join(text.split())
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…"
