"""Which bank a request came to, and who may ask it for what."""

from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest

from starlette.exceptions import HTTPException
from starlette.requests import Request

from paygw.kernel.connector import Secrets
from paygw.simulators.bank import Bank
from paygw.simulators.courier import Courier
from paygw.simulators.doors import Door
from paygw.simulators.facts import Session
from paygw.simulators.provider import Provider, secrets_of

EARLY_WEBHOOK_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Desk:
    """A bank with what carries its words out."""

    bank: Bank
    courier: Courier
    door: Door
    provider: Provider | None = None  # None: the sandbox protocol


def desk_of(request: Request) -> Desk:
    """The desk named in the path. Raises HTTPException 404."""
    desks: Mapping[str, Desk] = request.app.state.desks
    desk = desks.get(request.path_params["bank"])
    if desk is None:
        raise HTTPException(404)
    return desk


def spoken_with(request: Request, desk: Desk) -> Secrets | None:
    """What this provider and its hub both know, under the address the request came to; None for a sandbox bank."""
    base_url = f"{request.url.scheme}://{request.url.netloc}/{desk.bank.config.name}"
    return secrets_of(desk.provider, desk.bank.config, base_url) if desk.provider else None


def is_admin(request: Request, bank: Bank) -> bool:
    """Whether the request bears the token of the control plane."""
    token = bank.config.admin_token or bank.config.secret
    return compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {token}".encode())


async def pay_session(desk: Desk, session: Session, *, early: bool = False) -> None:
    """A person pays what the page shows, as often and as wrongly as the bank misbehaves.

    `early` waits until the hub has heard of it.
    """
    fault = desk.bank.fault(session.attempt_ref)
    amount_vnd = max(1, session.amount_vnd + fault.amount_delta_vnd)
    for _ in range(fault.payments):
        paid = await desk.bank.pay(session.attempt_ref, amount_vnd, memo=session.description)
        if early:
            await desk.courier.told(paid, timeout_s=EARLY_WEBHOOK_WAIT_S)
