"""Casso: watches accounts; 200 ends the sending. How often it sends again is not published: every five minutes here."""

from paygw.kernel.connector import HttpReply
from paygw.simulators.provider import Provider
from paygw.simulators.sides.casso import BANK_SIDE
from paygw.simulators.silent import read, refuse


def stops(reply: HttpReply) -> bool:
    """Only 200 itself."""
    return reply.status == 200  # noqa: PLR2004 - the document's figure


PROVIDER = Provider(side=BANK_SIDE, read=read, refuse=refuse, stops=stops, schedule_s=(0, *(300,) * 5), has_page=False)
