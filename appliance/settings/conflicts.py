"""Conflicts between commands that are each valid, and with the rest of the settings."""

from collections.abc import Iterator, Mapping, Sequence

from appliance.settings.commands import Command, Gpio, Mqtt, Name
from appliance.settings.phrases import ways_to_say
from appliance.settings.spoken_numbers import Words
from appliance.settings.spoken_words import spoken_words

MAX_WAYS = 5000
"""Ways to say all commands; each costs time at every start."""


def conflicts(
    commands: Sequence[Command],
    pins_in_use: Mapping[int, str],
    has_broker: bool,
    prefix: str = "",
    *,
    has_speakers: bool = True,
) -> list[str]:
    """Return a sentence for each conflict; the first command is `commands[1]`.

    >>> from appliance.settings.commands import Clear, Stop
    >>> conflicts([Stop(phrase="stop [it]"), Clear(phrase="Stop!")], {}, has_broker=False)
    ['"Stop!" means commands[1] and commands[2]']

    Args:
        commands: valid ones, in the order of the settings file.
        pins_in_use: GPIO numbers that no command may switch, and what each is used for.
        has_broker: whether an MQTT broker is set.
        prefix: the words that are said before every phrase; empty for none.
        has_speakers: whether speakers are told apart.
    """
    if sum(2 ** phrase.count("[") for it in commands for phrase in it.phrases) > MAX_WAYS:
        return [f"the commands can be said in more than {MAX_WAYS} ways: use fewer brackets"]
    found: list[str] = []
    call = tuple(spoken_words(prefix))
    owners: dict[Words, int] = {}
    pins: dict[int, Gpio] = {}
    for number, command in enumerate(commands, start=1):
        name = f"commands[{number}]"
        for phrase in command.phrases:
            found += _of_phrase(phrase, command, number, call, owners)
        if isinstance(command, Mqtt) and not has_broker:
            found.append(f"{name} needs a broker: set mqtt.host")
        if isinstance(command, Name) and not has_speakers:
            found.append(f'{name} needs speakers: set session.speakers = "letter"')
        if isinstance(command, Gpio):
            found += _of_pin(command, name, pins_in_use, pins)
    return found


def _of_phrase(
    phrase: str, command: Command, number: int, call: Words, owners: dict[Words, int]
) -> Iterator[str]:
    """Yield the conflicts of a phrase with the prefix and with `owners`, who said it before."""
    name = f"commands[{number}]"
    try:
        ways = ways_to_say(phrase, command.slots)
    except ValueError as error:
        yield f'{name}.phrase = "{phrase}" is not allowed: {error}'
        return
    if call and any(way.words[: len(call)] == call for way in ways):
        why = "it begins with commands_prefix, which is said before it anyway"
        yield f'{name}.phrase = "{phrase}" is not allowed: {why}'
    others = {owners.setdefault(way.words, number) for way in ways} - {number}
    yield from (f'"{phrase}" means commands[{it}] and {name}' for it in sorted(others))


def _of_pin(
    command: Gpio, name: str, pins_in_use: Mapping[int, str], pins: dict[int, Gpio]
) -> Iterator[str]:
    """Yield the conflicts of a pin with other parts and with `pins`, those of earlier commands."""
    if command.pin in pins_in_use:
        yield f"{name}.pin = {command.pin} is taken by {pins_in_use[command.pin]}"
    if pins.setdefault(command.pin, command).active_high is not command.active_high:
        yield f"{name}.active_high differs from that of an earlier command's pin"
