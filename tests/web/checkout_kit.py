"""A payer before the checkout pages, without a network: a hub on a real database, banks that a test scripts."""

import re
import time
from dataclasses import dataclass
from hashlib import sha256
from html import unescape
from typing import cast
from urllib.parse import urlencode

import msgspec
from starlette.types import ASGIApp

from paygw.hub.credit import Message, credit
from paygw.hub.hub import Hub
from paygw.hub.ordering import LineAsk, OrderAsk, create_order
from paygw.hub.quotes import FeeQuestion
from paygw.kernel.connector import Contact, Notice, Session
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, Authority, Evidence, PaymentSeen
from paygw.kernel.refs import private_id
from paygw.store.checkout import CheckoutRead, read_checkout
from paygw.web.auth import Limits
from paygw.web.limits import Limiter
from paygw.web.site import build_site
from tests.hub_fixtures import PORTAL, Clock, ScriptedBank
from tests.web.asgi import Got, call

BANK_PAGE = "http://127.0.0.1:9/sandbox-a/pay/1"
QUESTION = FeeQuestion(procedure="2.000488", as_of="2026-11-23", facts={"birth_date": "1990-05-20", "copies": 3})


@dataclass(frozen=True, slots=True)
class Payer:
    """A browser at one order's pages."""

    app: ASGIApp
    hub: Hub
    order_id: str
    path: str

    @property
    def bank(self) -> ScriptedBank:
        """What the banks say next."""
        return cast("ScriptedBank", self.hub.talk)

    @property
    def clock(self) -> Clock:
        """The hub's clock."""
        return cast("Clock", self.hub.clock)

    async def get(self, below: str = "", **headers: str) -> Got:
        """Look at a page."""
        return await call(self.app, "GET", self.path + below, headers=headers)

    async def choose(self, way: str = "sandbox-a:wallet", **more: str) -> Got:
        """Send the form."""
        return await self.post(urlencode({"way": way, **more}))

    async def post(self, body: str, **headers: str) -> Got:
        """Send a body to the form's address."""
        return await call(self.app, "POST", f"{self.path}/attempts", body=body.encode(), headers=headers)

    async def read(self) -> CheckoutRead:
        """The order as stored."""
        async with self.hub.pool.acquire() as connection:
            found = await read_checkout(connection, self.order_id)
        assert found is not None
        return found

    async def sent_to_bank(self, page: str = BANK_PAGE) -> str:
        """Open a session; the id of the attempt."""
        self.bank.sessions.append(Session(contact=Contact.SUCCEEDED, redirect_url=page))
        await self.choose()
        return (await self.read()).tries[0].attempt.id

    async def bank_tells(self, *evidence: Evidence) -> None:
        """A webhook's content."""
        notice = Notice(evidence=evidence, authority=Authority.NOTICE)
        body = msgspec.json.encode(evidence)
        await credit(
            self.hub, self.hub.registry.banks["sandbox-a"], notice, Message(digest=sha256(body).digest(), body=body)
        )

    async def pays(self, amount_vnd: int, txn: str = "FT1") -> None:
        """Cash lands for the latest attempt."""
        attempt = (await self.read()).tries[0].attempt
        await self.bank_tells(
            PaymentSeen(
                attempt_ref=attempt.ref,
                bank_txn_id=txn,
                amount_vnd=amount_vnd,
                occurred_at=self.hub.clock(),
                merchant="PAYGW",
            )
        )

    async def seen(self, status: AttemptStatus, *, not_paid: bool = False) -> AttemptSeen:
        """News of the latest attempt without cash."""
        attempt = (await self.read()).tries[0].attempt
        return AttemptSeen(attempt_ref=attempt.ref, status=status, occurred_at=self.hub.clock(), not_paid=not_paid)


def site(hub: Hub) -> ASGIApp:
    """The application of a hub."""
    app = build_site()
    app.state.hub = hub
    app.state.limits = Limits(*(Limiter(time.monotonic) for _ in range(3)))
    return app


async def ordered(hub: Hub, reference: str = "HS-1", dossier: str = "H26-1") -> Payer:
    line = LineAsk(dossier_code=dossier, collecting_body="G22.99", question=QUESTION)
    ask = OrderAsk(
        reference=reference,
        lines=(line,),
        return_url="https://dvc.example.vn/back?x=<1>",
        payer={"name": "Nguyễn Văn <b>An</b>"},
    )
    answer = msgspec.json.decode((await create_order(hub, PORTAL, ask, key=reference)).body)
    order_id = private_id("ord", answer["id"])
    assert order_id is not None
    return Payer(site(hub), hub, order_id, "/pay/" + answer["pay_url"].rpartition("/")[2])


def says(got: Got, *parts: str) -> None:
    """The page says each of these, in its text."""
    text = " ".join(unescape(re.sub(r"<[^>]+>", " ", got.text)).split())
    for part in parts:
        assert part in text, f"missing: {part}\n{text}"
