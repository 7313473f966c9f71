"""The payer's pages under /pay/{token}."""

from paygw.web.checkout.endpoints import api

__all__ = ["api"]
