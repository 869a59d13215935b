"""Phrases and alert words as the service's `keyterms_prompt` (the protocol's "Connect")."""

import logging
import re
from collections.abc import Iterator

import msgspec

from appliance.core.json_decoder import InvalidJsonError, JsonDecoder
from appliance.settings import Settings
from appliance.settings.commands import Command, in_full

log = logging.getLogger(__name__)

MOST = 100
LONGEST = 50
"""Terms, and characters of one, that the vendor takes."""

WITHOUT_KEYTERMS = ("whisper-rt",)
"""Models that favour no words: to ask them might cost the whole session."""


def favouring_words(settings: Settings) -> Settings:
    """Return the settings with all phrases and alert words among those that the service favours.

    The owner's own words go first, then those that call the reader. An empty list of own ones means
    none at all, since the vendor charges for them with some models. What is more than the service
    takes is left out, and logged.
    """
    given = settings.service.parameters
    phrases = [phrase for command in settings.commands for phrase in _fixed_parts(command)]
    own = [term for term in _terms(given.get("keyterms_prompt", [])) if term]
    wants_none = "keyterms_prompt" in given and not own
    alerts = settings.alert.words
    if not (phrases or alerts) or wants_none or given.get("speech_model") in WITHOUT_KEYTERMS:
        return settings
    said = (in_full(it) for it in phrases)
    prefix = settings.commands_prefix if phrases else ""
    terms = dict.fromkeys(term for term in [*own, *alerts, prefix, *said] if term)
    taken = [term for term in terms if len(term) <= LONGEST][:MOST]
    if left_out := [term for term in terms if term not in taken]:
        log.warning(
            "%d phrases are not favoured, so they may be heard less well, the first of them "
            '"%s": the service takes %d of up to %d characters',
            len(left_out),
            left_out[0],
            MOST,
            LONGEST,
        )
    parameters = {**given, "keyterms_prompt": taken}
    service = msgspec.structs.replace(settings.service, parameters=parameters)
    return msgspec.structs.replace(settings, service=service)


def _fixed_parts(command: Command) -> Iterator[str]:
    """Yield each phrase, or the longest part of it that is always said: in a slot, anything is."""
    slots = "|".join(map(re.escape, command.slots))
    for phrase in command.phrases:
        yield max(re.split(slots, phrase) if slots else [phrase], key=len)


def _terms(value: object) -> list[str]:
    """Return the terms of a parameter: a list of them, a list as JSON, or one alone."""
    if isinstance(value, str) and value.startswith("["):
        try:
            return JsonDecoder(list[str]).decode(value)
        except InvalidJsonError:
            return [value]
    return [str(term) for term in value] if isinstance(value, list) else [str(value)]
