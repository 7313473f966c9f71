"""After the bank: what comes back, what another try needs, what became of the money."""

from datetime import timedelta

import pytest

from paygw.hub.attempts import PayAsk, begin_attempt
from paygw.hub.hub import Hub
from paygw.hub.orders import cancel_order
from paygw.kernel.connector import Answer, Contact, Session
from paygw.kernel.evidence import AttemptStatus
from tests.hub_fixtures import PORTAL
from tests.web.asgi import call
from tests.web.checkout_kit import BANK_PAGE, Payer, ordered, says

pytestmark = pytest.mark.db


@pytest.fixture
async def payer(hub: Hub) -> Payer:
    """Somebody with the pay URL of a fresh order over 205,000 đồng."""
    return await ordered(hub)


# Coming back


async def test_return_believes_the_bank_and_not_the_browser(payer: Payer) -> None:
    await payer.sent_to_bank()
    payer.bank.answers.append(Answer(contact=Contact.PENDING, evidence=(await payer.seen(AttemptStatus.PENDING),)))

    back = await payer.get("/return?status=paid")
    got = await payer.get()

    assert (back.status, back.headers["location"]) == (303, f"{payer.path}?n=0")
    says(got, "Đang chờ kết quả từ ngân hàng", "đang xử lý giao dịch")
    assert payer.bank.asked[-1] == ("sandbox-a", "query")


async def test_payer_whose_process_was_killed_reloads_and_goes_on_with_the_same_try(payer: Payer) -> None:
    """The API died between its intent and the bank's answer; nobody waits out the life of the attempt."""
    hub = payer.hub
    pay = PayAsk(
        order_id=payer.order_id,
        bank=hub.registry.banks["sandbox-a"],
        method="wallet",
        payer_ip="127.0.0.1",
        locale="vi",
        return_url=f"http://hub{payer.path}/return",
    )
    killed = await begin_attempt(hub, pay)
    waiting = await payer.get()
    payer.clock.forward(seconds=hub.settings.bank_deadline_s + 2)
    payer.bank.sessions.append(Session(contact=Contact.SUCCEEDED, redirect_url=BANK_PAGE))

    await payer.get("/return")
    got = await payer.get("/go")

    assert waiting.headers["refresh"].startswith("3; url=")
    assert BANK_PAGE in got.text
    assert [item.attempt.ref for item in (await payer.read()).tries] == [killed.attempt.ref]


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


# A code to scan


async def test_bank_that_gives_a_code_is_shown_as_one(payer: Payer) -> None:
    payer.bank.sessions.append(Session(contact=Contact.SUCCEEDED, qr_text="00020101021238570010A000000727"))

    await payer.choose()
    got = await payer.get("/go")

    says(got, "Quét mã bằng ứng dụng ngân hàng", "205.000 đồng")
    assert 'src="data:image/svg+xml;base64,' in got.text


async def test_code_that_cannot_be_drawn_is_no_session(payer: Payer) -> None:
    payer.bank.sessions.append(Session(contact=Contact.SUCCEEDED, qr_text="x" * 667))

    await payer.choose()

    says(await payer.get(), "Đang chờ kết quả từ ngân hàng")
