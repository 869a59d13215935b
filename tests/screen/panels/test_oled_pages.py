from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from appliance.screen.panels.oled_pages import MERGE_GAP, UNKNOWN, Stretch, changes, packed

pages = st.lists(st.binary(min_size=128, max_size=128), min_size=8, max_size=8)


def test_a_byte_is_eight_pixels_below_each_other_the_lowest_bit_on_top() -> None:
    picture = Image.new("1", (128, 64))
    picture.putpixel((5, 8), 1)
    picture.putpixel((5, 15), 1)
    page = packed(picture)[1]
    assert page[5] == 0b10000001
    assert sum(page) == page[5]


@given(before=pages, edits=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 127))))
def test_changes_lead_from_one_picture_to_the_other(
    before: list[bytes], edits: list[tuple[int, int]]
) -> None:
    after = [bytearray(page) for page in before]
    for page, column in edits:
        after[page][column] ^= 0xFF
    memory = [bytearray(page) for page in before]
    for stretch in changes(before, [bytes(page) for page in after]):
        end = stretch.column + len(stretch.data)
        memory[stretch.page][stretch.column : end] = stretch.data
    assert memory == after


def test_a_page_that_nobody_knows_is_sent_whole() -> None:
    blank = [bytes(128)] * 8
    before = [*blank[:3], UNKNOWN, *blank[4:]]
    assert list(changes(before, blank)) == [Stretch(3, 0, bytes(128))]
    assert [stretch.page for stretch in changes(None, blank)] == list(range(8))


def test_equal_pictures_need_nothing() -> None:
    blank = packed(Image.new("1", (128, 64)))
    assert list(changes(blank, blank)) == []


def test_changes_far_from_each_other_are_sent_apart_and_near_ones_together() -> None:
    blank = [bytes(128)]
    for distance, expected in ((MERGE_GAP, 1), (MERGE_GAP + 1, 2)):
        after = bytearray(128)
        after[0] = after[distance] = 1
        assert len(list(changes(blank, [bytes(after)]))) == expected
