"""Providers that a hub never calls: they tell, or are met at a phone or a counter."""

from datetime import datetime

from paygw.kernel.connector import HttpReply, HttpRequest, Malformed, Secrets
from paygw.simulators.provider import Asked


def read(request: HttpRequest, secrets: Secrets) -> Asked:
    """Nothing can be asked. Raises Malformed."""
    del request, secrets
    raise Malformed("there is nothing to ask here")


def refuse(request: HttpRequest, reason: str, secrets: Secrets, at: datetime) -> HttpReply:
    """There is no such address."""
    del request, reason, secrets, at
    return HttpReply(status=404, headers={"content-type": "application/json"}, body=b'{"error":"not_found"}')
