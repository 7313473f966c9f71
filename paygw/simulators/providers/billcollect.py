"""A bill-collecting bank: met at the counter of `paygw.simulators.teller`; calls again until it gets a result code."""

from paygw.kernel.connector import HttpReply, Malformed
from paygw.kernel.wire import parsed
from paygw.simulators.provider import Provider
from paygw.simulators.sides.billcollect import BANK_SIDE
from paygw.simulators.silent import read, refuse


def stops(reply: HttpReply) -> bool:
    """Any answer that says what became of the call."""
    try:
        return reply.status == 200 and "resultCode" in parsed(reply.body)  # noqa: PLR2004 - the contract's figure
    except Malformed:
        return False


PROVIDER = Provider(side=BANK_SIDE, read=read, refuse=refuse, stops=stops, schedule_s=(0, *(60,) * 9), has_page=False)
