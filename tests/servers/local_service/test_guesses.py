from appliance.servers.local_service.guesses import MAX_NETWORKS, GuessLimit
from tests.rig.clock import Clock


def test_a_network_may_guess_so_often_a_minute(clock: Clock) -> None:
    guesses = GuessLimit(3, clock)
    for _ in range(3):
        assert guesses.wait("192.0.2.7") == 0
        guesses.count("192.0.2.7")
        clock.now += 5
    assert guesses.wait("192.0.2.7") == 45
    assert guesses.wait("192.0.2.8") == 0
    clock.now += 45
    assert guesses.wait("192.0.2.7") == 0
    guesses.count("192.0.2.7")
    assert guesses.wait("192.0.2.7") == 5, "the second one was 5 s after the first"


def test_an_ipv6_network_guesses_as_one(clock: Clock) -> None:
    guesses = GuessLimit(2, clock)
    guesses.count("2001:db8::1")
    guesses.count("2001:db8::2")
    assert guesses.wait("2001:db8::3") == 60
    assert guesses.wait("2001:db8:0:1::1") == 0


def test_few_networks_are_remembered(clock: Clock) -> None:
    guesses = GuessLimit(1, clock)
    for number in range(MAX_NETWORKS + 1):
        guesses.count(f"network {number}")
    assert guesses.wait("network 0") == 0
    assert guesses.wait("network 1") == guesses.wait(f"network {MAX_NETWORKS}") == 60
