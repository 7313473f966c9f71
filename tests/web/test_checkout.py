"""The payer's page over HTTP, on a real database: what it shows, where it leads, what it refuses."""

import re
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from html import unescape
from typing import cast
from urllib.parse import urlencode

import msgspec
import pytest
from starlette.types import ASGIApp

from paygw.hub.checkout import masked
from paygw.hub.credit import Message, credit
from paygw.hub.hub import Hub
from paygw.hub.ordering import LineAsk, OrderAsk, create_order
from paygw.hub.orders import cancel_order
from paygw.hub.quotes import FeeQuestion
from paygw.kernel.connector import Answer, Contact, Notice, Session
from paygw.kernel.evidence import AttemptSeen, AttemptStatus, Authority, Evidence, PaymentSeen
from paygw.kernel.refs import private_id
from paygw.store.checkout import CheckoutRead, read_checkout
from paygw.web.auth import Limits
from paygw.web.limits import Limiter
from paygw.web.site import build_site
from tests.hub_fixtures import PORTAL, Clock, ScriptedBank, sandbox_bank
from tests.web.asgi import Got, call

pytestmark = pytest.mark.db

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


@pytest.fixture
async def payer(hub: Hub) -> Payer:
    """Somebody with the pay URL of a fresh order over 205,000 đồng."""
    return await ordered(hub)


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


# What is to be paid


async def test_page_shows_what_how_much_and_on_which_basis(payer: Payer) -> None:
    got = await payer.get()

    assert got.status == 200
    says(got, "205.000 đồng", "Hai trăm linh năm nghìn đồng", "H26-1", "HS-1", "Căn cứ pháp lý", "còn 7 ngày")
    assert '<html lang="vi">' in got.text


async def test_page_masks_and_escapes_the_payer(payer: Payer) -> None:
    text = (await payer.get()).text

    assert "N*** V*** &lt;b&gt;An&lt;/b&gt;" in text
    assert "Nguyễn" not in text


@pytest.mark.parametrize(("name", "shown"), [("An", "An"), ("Lê  An", "L*** An"), ("", ""), (" ", "")])
def test_names_keep_their_last_word_only(name: str, shown: str) -> None:
    assert masked(name) == shown


async def test_english_is_one_link_away_and_stays(payer: Payer) -> None:
    got = await payer.get("?lang=en")

    says(got, "Amount to pay", "205,000 VND", "How do you want to pay?")
    assert f'action="{payer.path}/attempts?lang=en"' in got.text
    assert '<html lang="en">' in got.text


async def test_pages_run_nothing_load_nothing_and_are_framed_by_nobody(payer: Payer) -> None:
    got = await payer.get()

    policy = got.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'")
    assert "base-uri 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script" not in got.text
    assert "style=" not in got.text
    assert (got.headers["cache-control"], got.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert got.headers["x-content-type-options"] == "nosniff"


async def test_head_answers_like_get(payer: Payer) -> None:
    got = await call(payer.app, "HEAD", payer.path)

    assert got.status == 200
    assert "content-security-policy" in got.headers


async def test_style_is_kept_for_ever_under_its_digest(payer: Payer) -> None:
    link = re.search(r'href="(/static/[^"]+\.css)"', (await payer.get()).text)
    assert link is not None

    got = await call(payer.app, "GET", link[1])
    other = await call(payer.app, "GET", "/static/000000000000/pages.css")

    assert (got.status, other.status) == (200, 404)
    assert "immutable" in got.headers["cache-control"]


@pytest.mark.parametrize("token", ["x", "A" * 43, "..%2f", "é"])
async def test_unknown_token_is_a_friendly_page(payer: Payer, token: str) -> None:
    got = await call(payer.app, "GET", f"/pay/{token}")

    assert got.status == 404
    says(got, "Không tìm thấy yêu cầu thanh toán")


async def test_a_source_that_comes_too_often_waits_and_others_do_not(payer: Payer) -> None:
    slow = replace(payer.hub, settings=payer.hub.settings.model_copy(update={"rate_get": 1, "rate_burst": 2}))
    app = site(slow)

    statuses = [(await call(app, "GET", payer.path)).status for _ in range(3)]
    other = await call(app, "GET", payer.path, client="192.0.2.8")

    assert statuses == [200, 200, 429]
    assert other.status == 200


# Choosing and leaving


async def test_payer_leaves_for_the_bank_by_a_page_of_ours(payer: Payer) -> None:
    payer.bank.sessions.append(Session(contact=Contact.SUCCEEDED, redirect_url=f"{BANK_PAGE}?a=1&b=2"))

    answer = await payer.choose()
    leaving = await payer.get("/go")

    assert (answer.status, answer.headers["location"]) == (303, f"{payer.path}/go")
    assert f'content="0; url={BANK_PAGE}?a=1&amp;b=2"' in leaving.text
    assert (await payer.read()).tries[0].attempt.status is AttemptStatus.REDIRECTED


@pytest.mark.parametrize(
    "page",
    [
        "http://evil.example/sandbox-a",
        "https://127.0.0.1:9/",
        "http://127.0.0.1:9@evil.example/",
        "http://127.0.0.1:90/",
        "javascript:alert(1)",
        "//127.0.0.1:9/",
        "http://[::1",
    ],
)
async def test_a_bank_cannot_send_the_payer_elsewhere(payer: Payer, page: str) -> None:
    payer.bank.sessions.append(Session(contact=Contact.SUCCEEDED, redirect_url=page))

    await payer.choose()
    leaving, shown = await payer.get("/go"), await payer.get()

    assert (leaving.status, leaving.headers["location"]) == (303, payer.path)
    assert "evil" not in shown.text
    says(shown, "Đang chờ kết quả từ ngân hàng")


async def test_nothing_chosen_says_so_beside_the_form(payer: Payer) -> None:
    got = await payer.post("")

    assert got.status == 422
    says(got, "Cần kiểm tra lại", "Hãy chọn một cách thanh toán.")
    assert not payer.bank.asked


@pytest.mark.parametrize("way", ["nowhere:wallet", "sandbox-a:cash", ":", "sandbox-a"])
async def test_a_way_that_is_not_ours_starts_nothing(payer: Payer, way: str) -> None:
    await payer.choose(way)

    assert not (await payer.read()).tries


async def test_unreachable_bank_offers_the_others(payer: Payer) -> None:
    payer.bank.sessions.append(Session(contact=Contact.NOT_SENT))

    await payer.choose()
    got = await payer.get()

    says(got, "Không kết nối được với", "Bạn chưa bị trừ tiền", "Bạn muốn thanh toán bằng cách nào?")


async def test_silent_bank_means_no_second_payment(payer: Payer) -> None:
    payer.bank.sessions.append(Session(contact=Contact.UNKNOWN))

    await payer.choose()
    second = await payer.choose("sandbox-b:card")
    got = await payer.get()

    assert second.headers["location"] == f"{payer.path}?why=attempt_in_flight"
    says(got, "đang tiếp tục hỏi", "không trả tiền lần thứ hai")
    assert "<form" not in got.text
    assert len((await payer.read()).tries) == 1


async def test_two_presses_open_one_session(payer: Payer) -> None:
    await payer.sent_to_bank()

    again = await payer.choose()

    assert again.headers["location"].endswith("why=attempt_in_flight")
    assert [name for _, name in payer.bank.asked] == ["open_session"]


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.example"}],
)
async def test_forms_of_other_sites_are_refused(payer: Payer, headers: dict[str, str]) -> None:
    got = await payer.post("way=sandbox-a%3Awallet", **headers)

    assert got.status == 403
    assert not (await payer.read()).tries


@pytest.mark.parametrize("body", ["way", "a=1&" * 60, "way=é"])
async def test_a_body_that_is_no_form_is_refused(payer: Payer, body: str) -> None:
    assert (await payer.post(body)).status == 400


async def test_bank_with_an_open_circuit_comes_last_with_its_reason(hub: Hub) -> None:
    @dataclass(slots=True)
    class SickBank(ScriptedBank):
        def open_circuits(self) -> frozenset[str]:
            return frozenset({"sandbox-a"})

    sick = await ordered(replace(hub, talk=SickBank()))

    text = (await sick.get()).text

    assert text.index('value="sandbox-b:card"') < text.index('value="sandbox-a:card"')
    assert "Đang gặp sự cố kết nối" in text


async def test_bank_that_does_not_take_the_sum_cannot_be_chosen(hub: Hub) -> None:
    small = sandbox_bank("sandbox-a")
    limits = replace(small.connector.limits, amount_max_vnd=100_000)
    banks = {"sandbox-a": replace(small, connector=replace(small.connector, limits=limits))}
    hub.registry_holder.now = replace(hub.registry, banks=banks)
    payer = await ordered(hub)

    text = (await payer.get()).text

    assert re.search(r'value="sandbox-a:card"[^>]*disabled', text)
    assert "Không nhận số tiền lớn như vậy." in text


async def test_order_past_its_time_takes_no_payment(payer: Payer) -> None:
    payer.clock.forward(days=8)

    says(await payer.get(), "Đã hết hạn thanh toán")
    await payer.choose()

    assert not (await payer.read()).tries


# Coming back


async def test_return_believes_the_bank_and_not_the_browser(payer: Payer) -> None:
    await payer.sent_to_bank()
    payer.bank.answers.append(Answer(contact=Contact.PENDING, evidence=(await payer.seen(AttemptStatus.PENDING),)))

    back = await payer.get("/return?status=paid")
    got = await payer.get()

    assert (back.status, back.headers["location"]) == (303, f"{payer.path}?n=0")
    says(got, "Đang chờ kết quả từ ngân hàng", "đang xử lý giao dịch")
    assert payer.bank.asked[-1] == ("sandbox-a", "query")


async def test_paid_page_is_a_receipt_and_leads_home(payer: Payer) -> None:
    await payer.sent_to_bank()
    await payer.pays(205_000)

    got = await payer.get()

    says(got, "Đã thanh toán", "205.000 đồng", "FT1", "Quay lại Cổng dịch vụ công Hà Nội")
    assert 'href="https://dvc.example.vn/back?x=&lt;1&gt;"' in got.text
    assert "refresh" not in got.headers


async def test_waiting_page_looks_again_less_and_less_often_and_then_stops(payer: Payer) -> None:
    await payer.sent_to_bank()
    await payer.bank_tells(await payer.seen(AttemptStatus.PENDING))

    waits = [(await payer.get(f"?n={n}")).headers.get("refresh", "") for n in (0, 5, 11, 12)]
    stopped = await payer.get("?refresh=off")

    assert waits[0] == f"3; url={payer.path}/return?n=1"
    assert [wait.partition(";")[0] for wait in waits] == ["3", "30", "120", ""]
    assert "refresh" not in stopped.headers


async def test_many_looks_do_not_become_many_enquiries(payer: Payer) -> None:
    await payer.sent_to_bank()
    payer.bank.answers += [Answer(contact=Contact.UNKNOWN)] * 10

    for _ in range(10):
        await payer.get("/return")

    assert 1 <= len(payer.bank.asked) - 1 <= 4


async def test_head_of_the_return_asks_nobody(payer: Payer) -> None:
    await payer.sent_to_bank()

    got = await call(payer.app, "HEAD", f"{payer.path}/return")

    assert got.status == 303
    assert [name for _, name in payer.bank.asked] == ["open_session"]


async def test_partial_payment_asks_for_the_rest_only(payer: Payer) -> None:
    await payer.sent_to_bank()
    await payer.pays(200_000)

    got = await payer.get()

    says(got, "Số tiền còn phải nộp 5.000 đồng", "Đã nhận 200.000 đồng")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (AttemptStatus.FAILED, "không thành công"),
        (AttemptStatus.CANCELLED, "đã được hủy"),
        (AttemptStatus.EXPIRED, "đã quá thời gian"),
    ],
)
async def test_a_try_that_ended_is_explained_and_another_offered(
    payer: Payer, status: AttemptStatus, words: str
) -> None:
    await payer.sent_to_bank()
    await payer.bank_tells(await payer.seen(status))

    says(await payer.get(), words, "Bạn muốn thanh toán bằng cách nào?")


async def test_cancelled_order_says_nothing_is_due(payer: Payer) -> None:
    await cancel_order(payer.hub, payer.order_id, portal_id=PORTAL.id)

    got = await payer.get()

    says(got, "đã bị hủy", "Bạn không cần trả tiền")
    assert "<form" not in got.text


async def test_overpayment_is_told_to_its_owner(payer: Payer) -> None:
    await payer.sent_to_bank()
    await payer.pays(210_000)

    says(await payer.get(), "Đã thanh toán", "nộp thừa 5.000 đồng")


async def test_same_dossier_paid_elsewhere_is_not_paid_here(payer: Payer) -> None:
    twin = await ordered(payer.hub, reference="HS-2")
    await payer.sent_to_bank()

    got = await twin.get()

    says(got, "đang được thanh toán ở nơi khác")
    assert "<form" not in got.text


# Another way to pay


async def test_another_way_needs_a_fresh_not_paid_and_the_payers_word(payer: Payer) -> None:
    first = await payer.sent_to_bank()
    payer.bank.answers.append(
        Answer(contact=Contact.PENDING, evidence=(await payer.seen(AttemptStatus.REDIRECTED, not_paid=True),))
    )
    payer.bank.sessions.append(Session(contact=Contact.SUCCEEDED, redirect_url=BANK_PAGE))

    unsaid = await payer.choose("sandbox-b:card", given_up=first)
    said = await payer.choose("sandbox-b:card", given_up=first, confirmed="yes")

    assert unsaid.status == 422
    says(unsaid, "Hãy xác nhận rằng bạn chưa trả tiền")
    assert said.headers["location"] == f"{payer.path}/go"
    assert [item.attempt.bank for item in (await payer.read()).tries] == ["sandbox-b", "sandbox-a"]


@pytest.mark.parametrize(
    "contact", [Contact.UNKNOWN, Contact.NOT_SENT, Contact.PENDING], ids=["silent", "unreachable", "mute"]
)
async def test_no_other_way_while_the_bank_does_not_say_not_paid(payer: Payer, contact: Contact) -> None:
    first = await payer.sent_to_bank()
    payer.bank.answers.append(Answer(contact=contact))

    got = await payer.choose("sandbox-b:card", given_up=first, confirmed="yes")

    assert got.headers["location"] == f"{payer.path}?why=attempt_in_flight"
    assert len((await payer.read()).tries) == 1


async def test_no_other_way_from_pending_even_when_not_paid_yet(payer: Payer) -> None:
    first = await payer.sent_to_bank()
    seen = await payer.seen(AttemptStatus.PENDING, not_paid=True)
    payer.bank.answers.append(Answer(contact=Contact.PENDING, evidence=(seen,)))

    await payer.choose("sandbox-b:card", given_up=first, confirmed="yes")

    assert len((await payer.read()).tries) == 1


async def test_giving_up_a_strangers_try_asks_nobody(payer: Payer) -> None:
    stranger = await ordered(payer.hub, reference="HS-9", dossier="H26-9")
    theirs = await stranger.sent_to_bank()
    asked = len(payer.bank.asked)

    await payer.choose("sandbox-b:card", given_up=theirs, confirmed="yes")

    assert [name for _, name in payer.bank.asked[asked:]] == ["open_session"]


async def test_bank_page_that_timed_out_is_not_offered_again(payer: Payer) -> None:
    await payer.sent_to_bank()
    payer.clock.now += timedelta(hours=1)

    got = await payer.get()

    says(got, "không tiếp tục được", "Kiểm tra kết quả", "Trả bằng cách khác")
    assert f"{payer.path}/go" not in got.text
