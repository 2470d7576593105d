"""Who may ask: from which address, under which name, from which page, with which token."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse

from modag_search.errors import UsageError
from modag_search.web.problems import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_COOKIE = "modag_token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
HEALTH, READY, METRICS = "/health", "/ready", "/metrics"
PROBES = frozenset({HEALTH, READY})
"""Paths that are asked by address and without token, by who runs servers; what they tell is nobody's secret."""
_WAVEFORM_STYLE = "'sha256-YfOCfTH/jpiZwwDEWghNjme91S3Bbi2/3jQ3JSGWz5Y='"
"""Of what wavesurfer.js writes into the page for waveforms of one height; see `static/js/scope.js`."""

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        f"style-src 'self' {_WAVEFORM_STYLE}",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_WANTS_TOKEN = {"www-authenticate": "Bearer"}
_HEADERS = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may ask, and whether they may change anything.

    Attributes
    ----------
    host : str
        The address that is listened on.
    port : int
    token : str or None
        What must come with each request; none is needed where only this machine can ask.
    names : frozenset of str
        What else the server may be called in requests, beside `host`: `Host` headers without port.
    is_read_only : bool

    Raises
    ------
    UsageError
        On creation, where other machines could ask without a token.
    """

    host: str = "127.0.0.1"
    port: int = 0
    token: str | None = None
    names: frozenset[str] = frozenset()
    is_read_only: bool = False

    def __post_init__(self) -> None:
        if not self.host:
            raise UsageError("an address to listen on is wanted; 127.0.0.1 is this machine's alone")
        if self.token is None and not is_loopback(self.host):
            raise UsageError(f"{self.host}: others than this machine reach this address, so a token is needed")
        if self.token is not None and not (self.token.isascii() and self.token.isprintable() and len(self.token) >= 8):
            raise UsageError("a token is eight printable ASCII characters at least")

    @property
    def is_everywhere(self) -> bool:
        """Whether all addresses of this machine are listened on."""
        return _is_address(self.host) and ipaddress.ip_address(self.host).is_unspecified

    def is_called(self, host: str) -> bool:
        """Tell whether the server may be called so, without port.

        Where all addresses are listened on, it may be called by any: no name of another page's leads to an address.
        """
        return host in self.host_names or (self.is_everywhere and _is_address(host.strip("[]")))

    @property
    def host_names(self) -> frozenset[str]:
        """What the server may be called in requests, without port."""
        own = {self.host, f"[{self.host}]"} if ":" in self.host else {self.host}
        if self.is_everywhere:
            own.add(socket.gethostname())
        return frozenset(name.lower() for name in (*own, *self.names, *LOOPBACK_NAMES))


def path_of(scope: Scope) -> str:
    """Return the path of a request as routes have it: without that of an application which this one is mounted in."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def is_loopback(host: str) -> bool:
    """Tell whether an address is this machine's alone."""
    return ipaddress.ip_address(host).is_loopback if _is_address(host) else host == "localhost"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class Guard:
    """Turns away who may not ask, and gives every answer the headers that keep browsers from harm.

    Names are checked against DNS rebinding, origins against requests that other pages send.

    Parameters
    ----------
    app : ASGIApp
    access : Access
    """

    def __init__(self, app: ASGIApp, *, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on what may be asked."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        answer = self._turned_away(scope)
        await (answer or self._app)(scope, receive, send_safely)

    def _turned_away(self, scope: Scope) -> ASGIApp | None:
        """Answer one who may not ask; None where they may."""
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        path = path_of(scope)
        is_probe = path in PROBES and scope["method"] in SAFE_METHODS
        if not is_probe and not self._access.is_called(_without_port(host)):
            return problem(421, f"this server is not called {host!r}; name it with --name if it is", kind="wrong-host")
        # A link on another page may lead to this one; whatever else other pages send is turned away.
        may_be_linked = scope["method"] in SAFE_METHODS and not path.startswith(("/api/", METRICS))
        if not (may_be_linked or _is_same_origin(headers, host, scheme=scope["scheme"])):
            return problem(403, "another page sent this request", kind="wrong-origin")
        return None if is_probe else self._without_token(scope, headers)

    def _without_token(self, scope: Scope, headers: Headers) -> ASGIApp | None:
        """Answer one who has no token; who brings it in the address gets it as a cookie, and an address without."""
        token = self._access.token
        if token is None:
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"))
        given = query.pop("token", [""])[0]
        if path_of(scope) == "/" and secrets.compare_digest(given.encode(), token.encode()):
            rest = urlencode(query, doseq=True)
            answer = RedirectResponse(f"{scope['path']}?{rest}" if rest else scope["path"], status_code=303)
            is_secure = scope["scheme"] == "https"
            answer.set_cookie(_cookie(headers), token, httponly=True, samesite="strict", secure=is_secure)
            return answer
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        cookie = cookie_parser(headers.get("cookie", "")).get(_cookie(headers), "")
        if any(secrets.compare_digest(one.encode(), token.encode()) for one in (bearer, cookie)):
            return None
        return problem(
            401,
            "a token is needed; the address that `modag serve` printed has it",
            kind="no-token",
            headers=_WANTS_TOKEN,
        )


def _cookie(headers: Headers) -> str:
    """Name the cookie by the port that was asked: browsers send one to all ports of a name.

    Not by that which is listened on: behind a proxy, any of several processes may be asked next.
    """
    host = headers.get("host", "")
    port = host.removeprefix(_without_port(host)).removeprefix(":")
    return f"{_COOKIE}_{port}" if port.isdecimal() else _COOKIE


def _without_port(host: str) -> str:
    end = host.find("]") + 1 if host.startswith("[") else host.find(":")
    return host if end <= 0 else host[:end]


def _is_same_origin(headers: Headers, host: str, *, scheme: str) -> bool:
    """Tell whether the server's own page sent a request, or a program that is no browser."""
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    return origin is None or origin == f"{scheme}://{host}"
