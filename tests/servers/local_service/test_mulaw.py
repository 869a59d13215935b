import numpy as np
import pytest

from appliance.servers.local_service.mulaw import linear


@pytest.mark.parametrize(
    ("code", "sample"),
    [
        (0xFF, 0),
        (0x7F, 0),
        (0x80, 32_124),
        (0x00, -32_124),
        (0xFE, 8),
        (0x7E, -8),
        (0xEF, 132),
        (0x8F, 16_764),
        (0xA0, 7932),
    ],
)
def test_codes_have_the_samples_of_the_standard(code: int, sample: int) -> None:
    assert linear(bytes([code])).tolist() == [sample]


def test_louder_codes_are_louder_samples() -> None:
    positive = linear(bytes(range(0xFF, 0x7F, -1)))
    assert (np.diff(positive) > 0).all()
    assert (linear(bytes(range(0x7F, -1, -1))) == -positive).all()


def test_samples_are_16_bit_one_for_each_byte() -> None:
    assert linear(bytes(400)).dtype == np.int16
    assert linear(bytes(400)).size == 400
    assert linear(b"").size == 0
