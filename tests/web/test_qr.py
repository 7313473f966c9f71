"""QR codes, module by module as segno 1.6 draws them, of texts that leave no padding (where writers may differ)."""

from hashlib import sha256

import pytest

from paygw.web.checkout.qr import BYTES_MAX, qr_image, qr_modules


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        ("pay:LE-PHI-205", "96cc2271d281d3bc7cb8844fb2acda9acb6ee6cf415f23a411f452ef29e08332"),
        ("0" * 122, "d37c219fdee1d7fb1c642099efad334c6b6e0ed9e732d95de7464384d9d48e15"),
        ("VIETQR" * 35 + "abc", "5d81ccc56a9e7b12fe036296650c0ac4f1bfbcc79f71eadf59f4ddb7b88ae963"),
        ("n" * 666, "88e493ecafc54882dc32a533789ce6b3ecf902e8436dd1b9606c2c3173190524"),
    ],
    ids=["version 1", "version 7", "version 10", "version 20"],
)
def test_code_is_drawn_as_others_draw_it(text: str, digest: str) -> None:
    rows = "\n".join("".join("01"[dark] for dark in row) for row in qr_modules(text))

    assert sha256(rows.encode()).hexdigest() == digest


def test_code_grows_with_its_text_up_to_a_limit() -> None:
    assert [len(qr_modules("x" * size)) for size in (14, 15, 180, 181, BYTES_MAX)] == [21, 25, 53, 57, 97]
    with pytest.raises(ValueError, match="at most 666 bytes"):
        qr_modules("x" * (BYTES_MAX + 1))


def test_image_needs_no_other_address() -> None:
    assert qr_image("x").startswith("data:image/svg+xml;base64,")
