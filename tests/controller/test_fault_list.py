from itertools import combinations

import pytest

from appliance.controller.fault_list import BY_IMPORTANCE, FaultList
from appliance.core.events import MicrophoneDoubted, MicrophoneOpened, MicrophoneTrusted
from appliance.core.faults import Fault, Part


def test_at_first_there_is_no_fault() -> None:
    assert FaultList().worst is None


@pytest.mark.parametrize(("worse", "better"), [*combinations(BY_IMPORTANCE, 2)])
def test_the_more_important_fault_is_the_worst_whichever_came_first(
    worse: Part, better: Part
) -> None:
    for order in ((worse, better), (better, worse)):
        faults = FaultList()
        for part in order:
            faults.report(part, Fault(part.value))
        assert faults.worst == Fault(worse.value)
        faults.clear(worse)
        assert faults.worst == Fault(better.value)


def test_a_part_has_one_fault_at_a_time() -> None:
    faults = FaultList()
    faults.report(Part.SESSION, Fault("No network"))
    faults.report(Part.SESSION, Fault("Key refused"))
    assert faults.worst == Fault("Key refused")
    faults.clear(Part.SESSION)
    assert faults.worst is None


def test_several_parts_can_be_cleared_at_once() -> None:
    faults = FaultList()
    faults.report(Part.SESSION, Fault("No network"))
    faults.report(Part.SPOOL, Fault("Disk fault"))
    faults.clear(Part.SESSION, Part.SPOOL, Part.HISTORY)
    assert faults.worst is None


def test_it_knows_which_parts_have_a_fault() -> None:
    faults = FaultList()
    faults.report(Part.MICROPHONE, Fault("No microphone"))
    assert Part.MICROPHONE in faults
    assert Part.SESSION not in faults


def test_a_fault_is_a_sentence_in_the_log() -> None:
    assert str(Fault("No network", "check Wi-Fi", "DNS")) == "No network: check Wi-Fi (DNS)"
    assert str(Fault("No network")) == "No network"


@pytest.mark.parametrize("end", [MicrophoneTrusted(), MicrophoneOpened("USB", 48_000)])
def test_a_doubt_about_the_microphone_is_its_fault_until_it_ends(
    end: MicrophoneTrusted | MicrophoneOpened,
) -> None:
    faults = FaultList()
    muted = Fault("Microphone is muted?")
    faults.handle(MicrophoneDoubted(muted))
    assert [*faults] == [(Part.MICROPHONE, muted)]
    faults.handle(end)
    assert faults.worst is None
