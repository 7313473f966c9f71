"""The pages of the API and of the hub itself: /, /docs, /openapi.yaml. Written from the routes, as openapi.yaml is."""

from paygw.web.reference.endpoints import api

__all__ = ["api"]
