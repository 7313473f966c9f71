"""The public page of fees and charges, for anybody, without a login and without scripts."""

from paygw.web.fees.endpoints import api

__all__ = ["api"]
