"""QR pictures: in the page itself, and of any text a bank may give. That phones read them is shown in a browser."""

from base64 import b64decode
from xml.etree import ElementTree as ET

import pytest

from paygw.hub.opening import QR_BYTES_MAX
from paygw.web.checkout.picture import qr_image


def test_image_needs_no_other_address_and_has_white_around_it() -> None:
    head, _, packed = qr_image("x").partition(",")
    drawn = ET.fromstring(b64decode(packed))  # noqa: S314 - our own picture

    assert head == "data:image/svg+xml;base64"
    assert drawn.attrib["viewBox"] == "0 0 29 29"  # 21 modules and 4 on each side


def test_every_text_the_hub_lets_through_has_a_picture_and_a_longer_one_says_so() -> None:
    assert qr_image("đ" * (QR_BYTES_MAX // 2))
    with pytest.raises(ValueError, match="no QR code"):
        qr_image("x" * 3_000)
