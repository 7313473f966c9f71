"""A QR code as an SVG image in the page itself: banks give us the text of their code, never a picture to load."""

from base64 import b64encode
from io import BytesIO
from typing import Final

import segno

_QUIET: Final = 4  # modules of white around the code


def qr_image(text: str) -> str:
    """A `data:` address of the code of a text, error correction M. ValueError where no code holds it."""
    drawn = BytesIO()
    try:
        code = segno.make(text, error="m", boost_error=False, micro=False)
    except segno.DataOverflowError as fault:
        raise ValueError("no QR code holds this text") from fault
    code.save(drawn, kind="svg", border=_QUIET, dark="#000", light="#fff", xmldecl=False, omitsize=True)
    return "data:image/svg+xml;base64," + b64encode(drawn.getvalue()).decode()
