import select

from appliance.mqtt.wakeup import WakeupPipe


def rings(bell: WakeupPipe) -> bool:
    return bool(select.select([bell], [], [], 0)[0])


def test_it_rings_until_it_is_silenced() -> None:
    bell = WakeupPipe()
    assert not rings(bell)
    bell.ring()
    bell.ring()
    assert rings(bell)
    bell.silence()
    assert not rings(bell)
    bell.close()


def test_ringing_it_never_waits() -> None:
    bell = WakeupPipe()
    for _ in range(100_000):
        bell.ring()
    bell.silence()
    assert not rings(bell)
    bell.close()
