"""Who may use the monitor: checks the host and origin of a request and the login, and tells browsers what
they may do with answers.
"""

import hmac
from collections.abc import Iterable, Mapping
from hashlib import sha256
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from cloud_service.monitor.answers import error_answer

COOKIE: Final = "recharge_login"
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_OPEN: Final = ("/healthz", "/readyz", "/login", "/page/")
"""What needs no login: nothing here reveals anything about the network."""
_READING: Final = frozenset({"GET", "HEAD"})


def login_cookie(token: str) -> str:
    """What the browser keeps instead of the token."""
    return hmac.new(token.encode(), b"recharge monitor", sha256).hexdigest()


class Guard:
    """Passes on only permitted requests, and adds the security headers to every answer.

    `names` are the host names of the monitor: any other one is a name that somebody else has pointed at it.
    """

    def __init__(self, application: ASGIApp, *, names: Iterable[str], token: str | None) -> None:
        self._application = application
        self._names = frozenset(name.lower() for name in names)
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._application(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            await self._application(scope, receive, send_with_headers)
        elif scope["type"] == "websocket":
            await WebSocketClose(1008, refusal[1])(scope, receive, send)
        else:
            status, reason = refusal
            await error_answer(HTTPStatus(status).name, reason, status)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _host_name(host) not in self._names:
            return 421, "this is not a name of the monitor; RECHARGE_HTTP_NAMES lists them"
        reads = scope["type"] == "http" and scope["method"] in _READING
        origin = headers.get("origin")
        if not reads and origin is not None and _place(origin) != host:
            return 403, "another page asked for this"
        path: str = scope["path"]
        if path == "/" or path.startswith(_OPEN) or self._logged_in(headers):
            return None
        return 401, "log in first"

    def _logged_in(self, headers: Headers) -> bool:
        return self._token is None or has_login(headers, self._token)


def has_login(headers: Headers, token: str) -> bool:
    """Whether the cookie or a bearer token proves that the client knows the token."""
    shown = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
    bearer = headers.get("authorization", "").removeprefix("Bearer ")
    return hmac.compare_digest(shown.encode(), login_cookie(token).encode()) or hmac.compare_digest(
        bearer.encode(), token.encode()
    )


def _place(origin: str) -> str:
    """The host and port of an Origin header."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _host_name(host: str) -> str:
    """The host of a Host header, without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
