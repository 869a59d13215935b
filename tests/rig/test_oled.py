"""Simulated OLED against the data sheets, whoever sends the bytes."""

import errno

import pytest

from tests.rig.oled import Sh1106, Ssd1306

ADDRESS = 0x3C


def commands(module: Ssd1306, *bytes_: int) -> None:
    module.write_i2c_block_data(ADDRESS, 0x00, list(bytes_))


def data(module: Ssd1306, *bytes_: int) -> None:
    module.write_i2c_block_data(ADDRESS, 0x40, list(bytes_))


def blank(module: Ssd1306) -> Ssd1306:
    module.memory = [bytearray(module.COLUMNS) for _ in range(8)]
    return module


def lit(module: Ssd1306) -> set[tuple[int, int]]:
    width, height = module.size
    image = module.image
    return {(x, y) for x in range(width) for y in range(height) if image.getpixel((x, y))}


@pytest.fixture
def module() -> Ssd1306:
    """An SSD1306 with empty memory, switched on and upright."""
    module = blank(Ssd1306())
    commands(module, 0x8D, 0x14, 0xA1, 0xC8, 0xAF)
    return module


def test_it_is_dark_until_the_charge_pump_and_the_display_are_on() -> None:
    module = Ssd1306()
    assert lit(module) == set()
    commands(module, 0xAF)
    assert lit(module) == set()
    commands(module, 0x8D, 0x14)
    assert lit(module)


def test_page_addressing_stays_on_its_page(module: Ssd1306) -> None:
    commands(module, 0x20, 0x02, 0xB3, 0x0F, 0x17)
    data(module, *[0x01] * 10)
    columns = [*range(0x7F, 0x80), *range(9)]
    assert lit(module) == {(x, 24) for x in columns}


def test_horizontal_addressing_wraps_within_its_window(module: Ssd1306) -> None:
    commands(module, 0x20, 0x00, 0x21, 10, 11, 0x22, 2, 3)
    data(module, 0x01, 0x02, 0x04, 0x08, 0x80)
    assert lit(module) == {(10, 16 + 7), (11, 16 + 1), (10, 24 + 2), (11, 24 + 3)}


def test_vertical_addressing_goes_down_first(module: Ssd1306) -> None:
    commands(module, 0x20, 0x01, 0x21, 10, 11, 0x22, 2, 3)
    data(module, 0x01, 0x02, 0x04, 0x08)
    assert lit(module) == {(10, 16), (10, 24 + 1), (11, 16 + 2), (11, 24 + 3)}


def test_a_command_may_be_cut_by_the_end_of_a_transfer(module: Ssd1306) -> None:
    commands(module, 0x20, 0x00, 0x21, 5)
    commands(module, 6, 0x22, 1)
    commands(module, 1)
    data(module, 0x01)
    assert lit(module) == {(5, 8)}


@pytest.mark.parametrize(
    ("turned", "expected"),
    [((0xA1, 0xC8), (0, 0)), ((0xA0, 0xC8), (127, 0)), ((0xA1, 0xC0), (0, 63))],
)
def test_segments_and_rows_can_be_reversed(
    module: Ssd1306, turned: tuple[int, int], expected: tuple[int, int]
) -> None:
    commands(module, *turned, 0x20, 0x00, 0x21, 0, 127, 0x22, 0, 7)
    data(module, 0x01)
    assert lit(module) == {expected}


def test_inverse_and_all_on_do_not_touch_the_memory(module: Ssd1306) -> None:
    commands(module, 0xA7)
    assert len(lit(module)) == 128 * 64
    commands(module, 0xA6, 0xA5)
    assert len(lit(module)) == 128 * 64
    commands(module, 0xA4)
    assert lit(module) == set()


def test_an_sh1106_shows_columns_from_2_on_and_has_no_windows() -> None:
    module = blank(Sh1106())
    commands(module, 0xA1, 0xC8, 0xAF, 0xB1, 0x02, 0x10)
    data(module, 0x01, 0x01)
    assert lit(module) == {(0, 8), (1, 8)}


def test_it_forgets_everything_without_power(module: Ssd1306) -> None:
    module.unplug()
    with pytest.raises(OSError, match="Remote I/O") as caught:
        commands(module, 0xE3)
    assert caught.value.errno == errno.EREMOTEIO
    module.plug()
    commands(module, 0xE3)
    assert not module.on


def test_it_counts_what_goes_over_the_wire(module: Ssd1306) -> None:
    before = module.bytes_sent
    data(module, 1, 2, 3)
    assert module.bytes_sent - before == 5


def test_a_slow_bus_takes_its_time() -> None:
    slept: list[float] = []
    module = Ssd1306(hertz=400_000, sleep=slept.append)
    data(module, *[0] * 30)
    assert slept == [pytest.approx((32 * 9 + 2) / 400_000)]


def test_a_transfer_may_be_cut_short(module: Ssd1306) -> None:
    commands(module, 0x20, 0x00, 0x21, 0, 127, 0x22, 0, 7)
    module.fail(errno.EIO, after=2)
    with pytest.raises(OSError, match="the bus failed"):
        data(module, 0x01, 0x01, 0x01)
    assert lit(module) == {(0, 0)}
    data(module, 0x01)
    assert lit(module) == {(0, 0), (1, 0)}
