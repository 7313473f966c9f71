"""The payer's page over HTTP, on a real database: what it shows, where it leads, what it refuses."""

import re
from dataclasses import dataclass, replace

import pytest

from paygw.hub.checkout import masked
from paygw.hub.hub import Hub
from paygw.kernel.connector import Contact, Session
from paygw.kernel.evidence import AttemptStatus
from tests.hub_fixtures import ScriptedBank, sandbox_bank
from tests.web.asgi import call
from tests.web.checkout_kit import BANK_PAGE, Payer, ordered, says, site

pytestmark = pytest.mark.db


@pytest.fixture
async def payer(hub: Hub) -> Payer:
    """Somebody with the pay URL of a fresh order over 205,000 đồng."""
    return await ordered(hub)


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
