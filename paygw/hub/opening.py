"""A session at a bank: opened by a pure redirect or a dialogue, and believed only where it leads to that bank."""

from dataclasses import replace
from urllib.parse import urlsplit

from paygw.hub.hub import Hub
from paygw.hub.registry import Bank
from paygw.kernel.connector import Contact, Session, SessionAsk

QR_BYTES_MAX = 666  # a code above it has too many modules for a phone; real ones are below 300
_WEB_PORTS = {"http": 80, "https": 443}


def session_at_once(hub: Hub, bank: Bank, ask: SessionAsk) -> Session | None:
    """The session where nobody has to be called for it: it can be kept with the intent. None where a call is needed."""
    connector = bank.connector
    if connector.build_redirect is not None:
        return _trusted(hub, bank, connector.build_redirect(ask, bank.secrets))
    if connector.open_session is None:
        return Session(contact=Contact.NOT_SENT)
    dialogue = connector.open_session(ask, bank.secrets)
    try:
        next(dialogue)
    except StopIteration as end:
        session: Session = end.value
        return _trusted(hub, bank, session)
    dialogue.close()
    return None


async def call_for_session(hub: Hub, bank: Bank, ask: SessionAsk) -> Session:
    """Call the bank. The same ask may be sent again: its reference makes that one session."""
    if bank.connector.open_session is None:
        return Session(contact=Contact.NOT_SENT)
    return _trusted(hub, bank, await hub.talk.open_session(bank.id, bank.connector.open_session(ask, bank.secrets)))


def _trusted(hub: Hub, bank: Bank, session: Session) -> Session:
    """The session without an address that is not this bank's, or an endless code: then we know nothing of it."""
    if len(session.qr_text.encode()) > QR_BYTES_MAX:
        return replace(session, contact=Contact.UNKNOWN, qr_text="")
    if session.redirect_url and not is_theirs(hub, bank, session.redirect_url):
        return replace(session, contact=Contact.UNKNOWN, redirect_url="")
    return session


def is_theirs(hub: Hub, bank: Bank, url: str) -> bool:
    """Whether an address is a web page on a configured origin of this bank, encrypted where money is real."""
    origin = _origin(url)
    pages = bank.secrets.options.get(bank.connector.page_option) or bank.secrets.base_url
    return (
        origin is not None
        and origin in {_origin(pages), _origin(bank.secrets.base_url)}
        and (origin[0] == "https" or hub.settings.mode == "test")
    )


def _origin(url: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _WEB_PORTS or not parts.hostname or parts.username or parts.password:
        return None
    return parts.scheme, parts.hostname, port or _WEB_PORTS[parts.scheme]
