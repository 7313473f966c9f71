"""The hub as a portal sees it: three calls of its public API, each safe to repeat."""

from types import TracebackType
from typing import Any, Self

import aiohttp

Json = dict[str, Any]
_DEADLINE_S = 10.0


class Problem(Exception):
    """The hub said no, or nothing: `code` is its stable word, `document` all it said."""

    def __init__(self, code: str, document: Json) -> None:
        super().__init__(code)
        self.code = code
        self.document = document


class HubClient:
    """Holds the connection to one hub under one key."""

    def __init__(self, url: str, key: str) -> None:
        self._session = aiohttp.ClientSession(
            base_url=url.rstrip("/") + "/",
            headers={"authorization": f"Bearer {key}"},
            timeout=aiohttp.ClientTimeout(total=_DEADLINE_S),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def create_order(self, order: Json) -> Json:
        """Ask for an order. The reference is the idempotency key too: asked twice, it is the same order."""
        return await self._post("v1/orders", order, key=order["reference"])

    async def quote(self, question: Json) -> Json:
        """What a procedure costs, and why."""
        return await self._post("v1/quotes", question)

    async def tell_applied(self, order_id: str) -> None:
        """Say that a paid order has been applied to its dossier."""
        await self._post(f"v1/orders/{order_id}/applied", {}, key=f"applied-{order_id}")

    async def _post(self, path: str, body: Json, *, key: str = "") -> Json:
        headers = {"idempotency-key": key} if key else {}
        try:
            async with self._session.post(path, json=body, headers=headers, allow_redirects=False) as answer:
                document: Json = await answer.json(content_type=None) or {}
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Problem("hub_unreachable", {"detail": type(error).__name__}) from error
        if status not in {200, 201}:
            raise Problem(str(document.get("code", status)), document)
        return document
