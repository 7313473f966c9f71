"""Minutes are signed by one person and approved by another, on the content both were shown."""

from datetime import date

import pytest

from paygw.hub.hub import Hub
from paygw.hub.minutes import read_minutes, sign_minutes, write_minutes
from paygw.kernel.errors import Refused
from reconciliation.minutes.document import minutes_pdf
from tests.hub.world import FEE_VND, paid, right_books

pytestmark = pytest.mark.db
DAY = date(2026, 11, 23)


async def test_they_tell_what_landed_and_what_it_was_for(hub: Hub) -> None:
    async with right_books(hub):
        await paid(hub, "HS-1")
        await paid(hub, "HS-2")

        first, digest = await write_minutes(hub, "sandbox-a", DAY)
        again = await write_minutes(hub, "sandbox-a", DAY)

        content = (await read_minutes(hub, "sandbox-a", DAY))["content"]
        assert (first, again) == (1, (None, digest))
        assert content["in_words"] == "Bốn trăm mười nghìn đồng"
        assert [(row["component"], row["count"], row["vnd"]) for row in content["breakdown"]] == [
            ("in_them", 2, 10_000),
            ("phi", 2, 400_000),
        ]
        assert content["allocated_vnd"] == 2 * FEE_VND
        assert minutes_pdf(await read_minutes(hub, "sandbox-a", DAY)).startswith(b"%PDF")


async def test_two_persons_sign_what_they_saw(hub: Hub) -> None:
    async with right_books(hub):
        await paid(hub)
        _, digest = await write_minutes(hub, "sandbox-a", DAY)
        with pytest.raises(Refused, match="minutes_state"):
            await sign_minutes(hub, "sandbox-a", DAY, role="approved", by="minh", shown=digest)
        await sign_minutes(hub, "sandbox-a", DAY, role="signed", by="minh", shown=digest)

        with pytest.raises(Refused, match="same_person"):
            await sign_minutes(hub, "sandbox-a", DAY, role="approved", by="minh", shown=digest)
        with pytest.raises(Refused, match="role_missing"):
            await sign_minutes(hub, "sandbox-a", DAY, role="approved", by="huong", shown=digest)
        with pytest.raises(Refused, match="stale_version"):
            await sign_minutes(hub, "sandbox-a", DAY, role="approved", by="lan", shown="0" * 64)
        done = await sign_minutes(hub, "sandbox-a", DAY, role="approved", by="lan", shown=digest)

        assert [(one["role"], one["person"]) for one in done["signatures"]] == [("signed", "minh"), ("approved", "lan")]
        with pytest.raises(Refused, match="minutes_state"):
            await sign_minutes(hub, "sandbox-a", DAY, role="signed", by="huong", shown=digest)


async def test_money_that_comes_later_makes_new_minutes(hub: Hub) -> None:
    async with right_books(hub):
        await paid(hub, "HS-1")
        await write_minutes(hub, "sandbox-a", DAY)
        await paid(hub, "HS-2")

        second, _ = await write_minutes(hub, "sandbox-a", DAY)

        assert second == 2
        assert (await read_minutes(hub, "sandbox-a", DAY, 1))["content"]["book"]["receipts"] == 1
