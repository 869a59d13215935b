"""Phrases as the service's `keyterms_prompt` (the protocol's "Connect"): so they are heard well."""

import msgspec

from appliance.config import Settings

MOST = 100
LONGEST = 50
"""Terms, and characters of one, that the vendor takes."""


def favouring_commands(settings: Settings) -> Settings:
    """Return the settings with all phrases among the words that the service is to favour.

    The owner's own words go first; what is more than the service takes is left out.
    """
    phrases = [phrase for command in settings.commands for phrase in command.phrases]
    if not phrases:
        return settings
    own = _terms(settings.service.parameters.get("keyterms_prompt", []))
    said = (" ".join(it.replace("[", " ").replace("]", " ").split()) for it in phrases)
    terms = dict.fromkeys(term for term in [*own, settings.commands_prefix, *said] if term)
    taken = [term for term in terms if len(term) <= LONGEST][:MOST]
    parameters = {**settings.service.parameters, "keyterms_prompt": taken}
    service = msgspec.structs.replace(settings.service, parameters=parameters)
    return msgspec.structs.replace(settings, service=service)


def _terms(value: object) -> list[str]:
    """Return the terms of a parameter: a list of them, a list as JSON, or one alone."""
    if isinstance(value, str) and value.startswith("["):
        try:
            return msgspec.json.decode(value, type=list[str])
        except msgspec.DecodeError:
            return [value]
    return [str(term) for term in value] if isinstance(value, list) else [str(value)]
