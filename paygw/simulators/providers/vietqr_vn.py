"""VietQR VN: watches accounts; `error: false` ends the sending. Its own schedule is not published."""

from paygw.kernel.connector import HttpReply, Malformed
from paygw.kernel.wire import parsed
from paygw.simulators.provider import Provider
from paygw.simulators.sides.vietqr_vn import BANK_SIDE
from paygw.simulators.silent import read, refuse


def stops(reply: HttpReply) -> bool:
    """The member `error` decides."""
    try:
        return parsed(reply.body).get("error") is False
    except Malformed:
        return False


PROVIDER = Provider(side=BANK_SIDE, read=read, refuse=refuse, stops=stops, schedule_s=(0, 60, 300, 900), has_page=False)
