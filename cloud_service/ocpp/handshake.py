"""The handshake of a charger: its identity, its login, and headers that it gets wrong. Pure."""

import binascii
from base64 import b64decode
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote

from msgspec import Struct
from websockets.datastructures import Headers, MultipleValuesError
from websockets.typing import Subprotocol

from cloud_service.ocpp.schemas import SUBPROTOCOLS
from cloud_service.protocol.roles import DEVICES, is_account_name, roles_of

PATH: Final = "/ocpp/"
_LONGEST_PASSWORD: Final = 256


class Credentials(Struct, frozen=True):
    """A login with HTTP Basic. `passwords` are the texts that the bytes may mean, the likeliest first."""

    user: str
    passwords: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Credentials({self.user!r})"


def read_identity(path: str) -> str | None:
    """The charger that the path names. None if it names none that can have an account."""
    without_query = path.partition("?")[0]
    if not without_query.startswith(PATH):
        return None
    identity = unquote(without_query.removeprefix(PATH)).rstrip("/")
    return identity if is_account_name(identity) and roles_of(identity) == DEVICES else None


def read_credentials(headers: Headers) -> Credentials | None:
    """The login of HTTP Basic, if there is one."""
    try:
        kind, _, encoded = headers.get("Authorization", "").partition(" ")
        user, colon, password = b64decode(encoded.strip(), validate=True).partition(b":")
    except (MultipleValuesError, binascii.Error, ValueError):
        return None
    if kind.lower() != "basic" or not colon or len(password) > _LONGEST_PASSWORD:
        return None
    return Credentials(user.decode(errors="replace"), _passwords(password))


def mend_headers(headers: Headers) -> list[str]:
    """Adds headers that RFC 6455 requires and chargers leave out. Returns a text for each of them."""
    mended = []
    for name, value in (("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")):
        given = ", ".join(headers.get_all(name))
        if value.lower() not in given.lower():
            if name in headers:
                del headers[name]
            headers[name] = value
            mended.append(f"no {name}: {value} in the handshake")
    return mended


def choose_subprotocol(_: Any, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """The newest version that the charger offers and we know."""
    known = [name for name in SUBPROTOCOLS if name in offered]
    return Subprotocol(known[0]) if known else None


def _passwords(password: bytes) -> tuple[str, ...]:
    """An authorization key of OCPP 1.6 is set as hexadecimal digits; chargers send the digits, or their
    bytes.
    """
    found = []
    with suppress(UnicodeDecodeError):
        found.append(password.decode())
    with suppress(ValueError):  # UnicodeDecodeError is one
        found.append(bytes.fromhex(password.decode("ascii")).decode())
    hexadecimal = password.hex()
    return tuple(dict.fromkeys((*found, hexadecimal, hexadecimal.upper())))
