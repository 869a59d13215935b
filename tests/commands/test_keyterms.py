import msgspec

from appliance.commands.keyterms import LONGEST, MOST, favouring_commands
from appliance.commands.settings import Command, Gpio, Stop
from appliance.config import Parameter, ServiceSettings, Settings

LAMP = Gpio(phrase=("turn on [the] lamp", "lamp on"), pin=22, state="on")


def keyterms(*commands: Command, prefix: str = "", **parameters: Parameter) -> list[str]:
    settings = Settings(
        service=ServiceSettings(parameters=parameters), commands=commands, commands_prefix=prefix
    )
    terms = favouring_commands(settings).service.parameters["keyterms_prompt"]
    assert isinstance(terms, list)
    return terms


def test_without_commands_nothing_is_added() -> None:
    settings = Settings()
    assert favouring_commands(settings) is settings
    assert keyterms(keyterms_prompt=["Kubernetes"]) == ["Kubernetes"]


def test_all_that_may_be_said_is_to_be_favoured() -> None:
    assert keyterms(LAMP, Stop(phrase="that is all"), prefix="computer") == [
        "computer",
        "turn on the lamp",
        "lamp on",
        "that is all",
    ]


def test_the_owners_words_go_first_however_they_are_given() -> None:
    for given in (["Ørsted", "lamp on"], '["Ørsted", "lamp on"]'):
        assert keyterms(LAMP, keyterms_prompt=given) == ["Ørsted", "lamp on", "turn on the lamp"]
    assert keyterms(LAMP, keyterms_prompt="Ørsted")[0] == "Ørsted"
    assert keyterms(LAMP, keyterms_prompt="[broken")[0] == "[broken"


def test_no_more_is_asked_than_the_service_takes() -> None:
    many = [Stop(phrase=f"command number {number}") for number in range(2 * MOST)]
    assert len(keyterms(*many)) == MOST
    assert keyterms(Stop(phrase="word " * LONGEST), LAMP) == ["turn on the lamp", "lamp on"]


def test_all_other_settings_stay() -> None:
    settings = Settings(name="kitchen", commands=(LAMP,))
    favouring = favouring_commands(settings)
    same = msgspec.structs.replace(favouring, service=settings.service)
    assert same == settings
    assert favouring.service.parameters["speech_model"] == "universal-streaming-english"
