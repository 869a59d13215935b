from appliance.core.recording import boot_id


def test_the_boot_is_the_same_while_it_lasts() -> None:
    assert boot_id() == boot_id()
    assert len(boot_id()) == 36
