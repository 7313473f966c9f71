"""VietQR beside npm `vietnam-qr-pay` and `vietqr-ts`: they read and check our text, and write the same one."""

from base64 import b64encode
from io import BytesIO

import pytest
import segno

from connectors.vietqr import build_redirect
from paygw.kernel.codes import memo_code
from paygw.kernel.vietqr import Transfer, write
from paygw.simulators.sides.vietqr import SECRETS
from tests.conformance.pairs import session_ask
from tests.peers.conftest import Call

pytestmark = pytest.mark.peers
ACCOUNTS = ["0011001234567", "113366668888", "V3PG23456789BCFGHK"]
MEMOS = ["", "PG23456789BCFGHK", "Nộp lệ phí Đỗ Ứng", "HS 000.124/26 ~ a+b & c", "x" * 40]


@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("amount_vnd", [None, 1, 150_000, 499_999_999])
@pytest.mark.parametrize("memo", MEMOS)
async def test_both_clients_read_what_we_write_and_write_the_same(
    node: Call, account: str, amount_vnd: int | None, memo: str
) -> None:
    text = write(Transfer(bank_bin="970436", account=account, amount_vnd=amount_vnd, purpose=memo))

    heard = await node("vietqr", call="read", text=text)
    shown = {name: heard["pay"][name] for name in ("bank_bin", "account", "amount", "purpose")}
    written = await node("vietqr", call="write", transfer=shown)

    assert heard["crc"] is True
    assert shown == heard["ts"]
    assert (shown["bank_bin"], shown["account"]) == ("970436", account)
    assert shown["amount"] == ("" if amount_vnd is None else str(amount_vnd))
    assert heard["pay"]["rebuilt"] == written["pay"] == written["ts"] == text


async def test_a_changed_text_is_no_code_to_them_either(node: Call) -> None:
    text = write(Transfer(bank_bin="970436", account="0011001234567", amount_vnd=150_000, purpose="PG"))

    heard = await node("vietqr", call="read", text=text.replace("150000", "950000"))

    assert (heard["pay"], heard["crc"]) == (False, False)


async def test_a_client_reads_the_picture_of_a_session(node: Call) -> None:
    code = memo_code(987_654_321)
    session = build_redirect(session_ask(attempt_ref=code), SECRETS)
    drawn = BytesIO()
    segno.make(session.qr_text, error="m", boost_error=False, micro=False).save(drawn, kind="png", scale=6, border=4)

    seen = await node("vietqr", call="picture", png=b64encode(drawn.getvalue()).decode())

    assert seen == {"account": f"V3PG{code[2:]}", "purpose": code}
