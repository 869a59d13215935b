"""What keeps commands from working that each look right: a sentence for each."""

from collections.abc import Mapping, Sequence

from appliance.commands.phrases import Words, ways_to_say
from appliance.commands.settings import Command, Gpio, Mqtt


def conflicts(
    commands: Sequence[Command], pins_in_use: Mapping[int, str], has_broker: bool
) -> list[str]:
    """Return what is wrong with the commands, the first of which is number 1.

    `pins_in_use` says what for.
    """
    found = []
    owners: dict[Words, int] = {}
    pins: dict[int, Gpio] = {}
    for number, command in enumerate(commands, start=1):
        name = f"commands[{number}]"
        for phrase in command.phrases:
            try:
                ways = ways_to_say(phrase)
            except ValueError as error:
                found.append(f'{name}.phrase = "{phrase}" is not allowed: {error}')
                continue
            others = {owners.setdefault(way, number) for way in ways} - {number}
            found += [f'"{phrase}" means commands[{it}] and {name}' for it in sorted(others)]
        if isinstance(command, Mqtt) and not has_broker:
            found.append(f"{name} needs a broker: set mqtt.host")
        if isinstance(command, Gpio):
            if command.pin in pins_in_use:
                found.append(f"{name}.pin = {command.pin} is taken by {pins_in_use[command.pin]}")
            if pins.setdefault(command.pin, command).active_high is not command.active_high:
                found.append(f"{name}.active_high differs from that of an earlier command's pin")
    return found
