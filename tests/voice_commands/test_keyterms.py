import logging

import msgspec
import pytest

from appliance.settings import Settings
from appliance.settings.commands import Command, Gpio, Name, Stop
from appliance.settings.schema import AlertSettings, Parameter, ServiceSettings
from appliance.voice_commands.keyterms import LONGEST, MOST, favouring_words

LAMP = Gpio(phrase=("turn on [the] lamp", "lamp on"), pin=22, state="on")


def keyterms(*commands: Command, prefix: str = "", **parameters: Parameter) -> list[str]:
    settings = Settings(
        service=ServiceSettings(parameters=parameters), commands=commands, commands_prefix=prefix
    )
    terms = favouring_words(settings).service.parameters["keyterms_prompt"]
    assert isinstance(terms, list)
    return terms


def test_without_commands_nothing_is_added() -> None:
    settings = Settings()
    assert favouring_words(settings) is settings
    assert keyterms(keyterms_prompt=["Kubernetes"]) == ["Kubernetes"]


def test_all_that_may_be_said_is_to_be_favoured() -> None:
    assert keyterms(LAMP, Stop(phrase="that is all"), prefix="computer") == [
        "computer",
        "turn on the lamp",
        "lamp on",
        "that is all",
    ]


def test_of_a_phrase_with_slots_the_longest_part_is_to_be_favoured() -> None:
    assert keyterms(Name(phrase="speaker {letter} is [called] {name}")) == ["is called"]


def test_words_that_call_the_reader_are_to_be_favoured_before_commands() -> None:
    settings = Settings(
        service=ServiceSettings(parameters={"keyterms_prompt": ["Ørsted"]}),
        alert=AlertSettings(words=("Anna", "grandma")),
        commands=(LAMP,),
    )
    terms = favouring_words(settings).service.parameters["keyterms_prompt"]
    assert terms == ["Ørsted", "Anna", "grandma", "turn on the lamp", "lamp on"]
    alone = Settings(alert=AlertSettings(words=("Anna",)), commands_prefix="computer")
    assert favouring_words(alone).service.parameters["keyterms_prompt"] == ["Anna"]


@pytest.mark.parametrize("parameters", [{"keyterms_prompt": []}, {"speech_model": "whisper-rt"}])
def test_words_that_call_the_reader_are_not_sent_where_none_are_wanted(
    parameters: dict[str, Parameter],
) -> None:
    settings = Settings(
        service=ServiceSettings(parameters=parameters), alert=AlertSettings(words=("Anna",))
    )
    assert favouring_words(settings) is settings


def test_the_owners_words_go_first_however_they_are_given() -> None:
    for given in (["Ørsted", "lamp on"], '["Ørsted", "lamp on"]'):
        assert keyterms(LAMP, keyterms_prompt=given) == ["Ørsted", "lamp on", "turn on the lamp"]
    assert keyterms(LAMP, keyterms_prompt="Ørsted")[0] == "Ørsted"
    assert keyterms(LAMP, keyterms_prompt="[broken")[0] == "[broken"


def test_no_more_is_asked_than_the_service_takes() -> None:
    many = [Stop(phrase=f"command number {number}") for number in range(2 * MOST)]
    assert len(keyterms(*many)) == MOST
    assert keyterms(Stop(phrase="word " * LONGEST), LAMP) == ["turn on the lamp", "lamp on"]


def test_what_is_left_out_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    keyterms(*[Stop(phrase=f"command number {number}") for number in range(MOST)])
    assert caplog.records == []
    long = "word " * LONGEST
    keyterms(Stop(phrase=("stop", long)), LAMP, keyterms_prompt=["x" * (LONGEST + 1)])
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message.startswith("2 phrases are not favoured")
    assert f'the first of them "{"x" * (LONGEST + 1)}"' in record.message
    caplog.clear()
    keyterms(*[Stop(phrase=f"command {number}") for number in range(MOST + 7)])
    [record] = caplog.records
    assert record.message.startswith("7 phrases")
    assert '"command 100"' in record.message


@pytest.mark.parametrize("none", [[], "", "[]", [""]])
def test_an_empty_list_means_none_since_they_cost_extra(none: Parameter) -> None:
    parameters: dict[str, Parameter] = {"keyterms_prompt": none}
    settings = Settings(service=ServiceSettings(parameters=parameters), commands=(LAMP,))
    assert favouring_words(settings) is settings


def test_a_model_that_favours_no_words_is_not_asked_to(caplog: pytest.LogCaptureFixture) -> None:
    service = ServiceSettings(parameters={"speech_model": "whisper-rt"})
    settings = Settings(service=service, commands=(LAMP, Stop(phrase="word " * LONGEST)))
    assert favouring_words(settings) is settings
    assert caplog.records == []


@pytest.mark.parametrize("model", ["universal-streaming-multilingual", "u3-rt-pro", "a-new-one"])
def test_every_other_model_is_asked_to(model: str) -> None:
    assert keyterms(LAMP, speech_model=model) == ["turn on the lamp", "lamp on"]


def test_all_other_settings_stay() -> None:
    settings = Settings(name="kitchen", commands=(LAMP,))
    favouring = favouring_words(settings)
    same = msgspec.structs.replace(favouring, service=settings.service)
    assert same == settings
    assert favouring.service.parameters["speech_model"] == "universal-streaming-english"
