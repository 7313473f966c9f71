"""The front of the pretend banks: which there are, what each speaks, and where a person can begin by hand."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from paygw.simulators.page import HEADERS, TEMPLATES

# Where money begins without a page of ours before it; every other bank is reached from the pay page.
_BEGIN_AT: Final[Mapping[str, tuple[str, str]]] = {
    "vietqr": ("app", "Ứng dụng ngân hàng · banking app"),
    "billcollect": ("counter", "Quầy thu hộ · counter"),
}


async def show(request: Request) -> Response:
    """The banks of this process."""
    configs = [desk.bank.config for _, desk in sorted(request.app.state.desks.items())]
    banks = [(config.name, config.protocol, _BEGIN_AT.get(config.protocol)) for config in configs]
    return HTMLResponse(TEMPLATES.get_template("front.html").render(banks=banks), headers=HEADERS)
