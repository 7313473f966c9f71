"""The bank of a VietQR account: met at the phone app of `paygw.simulators.phone`; it tells us nothing by itself."""

from paygw.simulators.provider import Provider
from paygw.simulators.sides.vietqr import BANK_SIDE
from paygw.simulators.silent import read, refuse

PROVIDER = Provider(side=BANK_SIDE, read=read, refuse=refuse, has_page=False)
