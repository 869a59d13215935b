from PIL import Image

from appliance.screen.screenshot import DARK, FRAME, LIT, enlarged


def test_pixels_are_crisp_and_in_place() -> None:
    picture = Image.new("1", (8, 4))
    picture.putpixel((3, 2), 1)
    large = enlarged(picture, 4).convert("RGB")
    assert large.size == ((8 + 2 * FRAME) * 4, (4 + 2 * FRAME) * 4)
    lit = {
        (x // 4 - FRAME, y // 4 - FRAME)
        for x in range(large.width)
        for y in range(large.height)
        if large.getpixel((x, y)) == LIT
    }
    assert lit == {(3, 2)}
    assert large.getpixel((0, 0)) == DARK
