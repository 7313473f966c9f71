"""SePay: watches accounts, tells in Fibonacci minutes, up to seven times more, until `success` with 200 or 201."""

from paygw.kernel.connector import HttpReply, Malformed
from paygw.kernel.wire import parsed
from paygw.simulators.provider import Provider
from paygw.simulators.sides.sepay import BANK_SIDE
from paygw.simulators.silent import read, refuse


def stops(reply: HttpReply) -> bool:
    """The documented answer, nothing less."""
    try:
        return reply.status in {200, 201} and parsed(reply.body).get("success") is True
    except Malformed:
        return False


PROVIDER = Provider(
    side=BANK_SIDE,
    read=read,
    refuse=refuse,
    stops=stops,
    schedule_s=(0, 60, 60, 120, 180, 300, 480, 780),
    has_page=False,
)
