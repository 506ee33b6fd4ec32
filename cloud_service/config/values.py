"""The kinds of values that a setting can have: how each is read from text and written back.

The functions that read raise UnusableValue for a text that they cannot use; argparse prints it with the flag.
"""

import math
import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from cloud_service.language.text import TextError

_HOST_LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z){_HOST_LABEL}(\.{_HOST_LABEL})*")
_DATABASE: Final = re.compile(r"postgres(?:ql)?://([^@/?#]*@)?([^\s'\"]+)")
"""Who logs in, and the rest."""
_LONE_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LONGEST: Final = timedelta(days=36_500)
_FASTEST: Final = 1_000
"""Times as fast: the service looks at its clock five times a second."""


class UnusableValue(TextError, ArgumentTypeError):
    """A text is not a value of this kind. The error's text says what would be one."""


def _write(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


class Place(Struct, frozen=True):
    """Where something listens; the port may be given elsewhere."""

    host: str
    port: int | None = None

    def __str__(self) -> str:
        if self.port is None:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Kind(Struct, frozen=True):
    """A kind of value. `metavar` stands for it in `--help`; `write` is the inverse of `read`."""

    metavar: str
    read: Callable[[str], Any]
    write: Callable[[Any], str] = _write


def read_port(text: str) -> int:
    if not _is_whole_number(text) or int(text) > 65_535:
        raise UnusableValue("{text!r} is not a port (0-65535; 0 picks a free port)", text=text)
    return int(text)


def read_count(text: str) -> int:
    if not _is_whole_number(text) or int(text) == 0:
        raise UnusableValue("{text!r} is not a whole number of 1 or more", text=text)
    return int(text)


def read_count_or_zero(text: str) -> int:
    if not _is_whole_number(text):
        raise UnusableValue("{text!r} is not a whole number of 0 or more", text=text)
    return int(text)


def read_amount(text: str) -> float:
    number = _number(text)
    if not 0 < number < math.inf:
        raise UnusableValue("{text!r} is not a number above 0", text=text)
    return number


def _read_amount_or_zero(text: str) -> float:
    number = _number(text)
    if not 0 <= number < math.inf:
        raise UnusableValue("{text!r} is not a number of 0 or more", text=text)
    return number


def _number(text: str) -> float:
    """The number that the text is; NaN if it is none."""
    # float() would also take blanks around a number, underscores in it, and the digits of other scripts.
    if not text.isascii() or "_" in text or text != text.strip():
        return math.nan
    try:
        return float(text)
    except ValueError:
        return math.nan


def _is_whole_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18


def _refuse_quotes(text: str) -> None:
    """A shell removes quotes; a file of settings, such as .env or a unit of systemd, may leave them there."""
    if text[:1] in ("'", '"') or text[-1:] in ("'", '"'):
        raise UnusableValue(
            "{text} has quotes, which would become part of the value: leave them out", text=text
        )


def _read_path(text: str) -> Path:
    if not text.strip():
        raise UnusableValue("{text!r} is not the name of a file or folder", text=text)
    _refuse_quotes(text)
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UnusableValue(
            "{text!r}: there is no such user's home folder; write the whole path", text=text
        ) from None


def _read_name(text: str) -> str:
    _refuse_quotes(text)
    if text != text.strip():
        raise UnusableValue("{text!r} begins or ends with a blank", text=text)
    return text


def read_host(text: str) -> str:
    """A host name or an address."""
    _refuse_quotes(text)
    if not _is_address(text) and not _HOST_NAME.fullmatch(text.removesuffix(".")):
        raise UnusableValue(
            "{text!r} is not a host name or address, such as broker.example.org, 192.0.2.1 or ::1 (no URL,"
            " port, brackets or blanks)",
            text=text,
        )
    return text


def _read_places(text: str) -> tuple[Place, ...]:
    _refuse_quotes(text)
    places = tuple(_read_place(word.strip()) for word in text.split(",") if word.strip())
    if not places:
        raise UnusableValue("{text!r} has no host name or address", text=text)
    for place in places:
        if places.count(place) > 1:
            raise UnusableValue("{place} is named twice", place=place)
    return places


def _read_place(text: str) -> Place:
    """An IPv6 address has colons itself, so it stands in brackets before a port."""
    host, colon, port = text.rpartition(":")
    if not colon or _is_address(text) or text.endswith("]"):
        return Place(read_host(text))
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    return Place(read_host(host), read_port(port))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _read_database(text: str) -> str:
    """What is refused is not shown: a password may be in it."""
    address = _DATABASE.fullmatch(text)
    if address is None:
        raise UnusableValue(
            "that is not the URL of a database, such as postgresql://recharge@db.example.org/recharge"
        )
    if "@" in address[2] or _LONE_PERCENT.search(text):
        raise UnusableValue(
            "in the user name and the password of a URL, write @, :, /, ?, # and % as %40, %3A, %2F,"
            " %3F, %23 and %25; or give the password in its own setting"
        )
    return text


def _read_time_zone(text: str) -> ZoneInfo:
    _refuse_quotes(text)
    try:
        return ZoneInfo(text)
    except (LookupError, ValueError, OSError):
        raise UnusableValue("{text!r} is not a time zone, such as America/Sao_Paulo", text=text) from None


def _read_certificate_names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise UnusableValue("{text!r} has no host name or address", text=text)
    for name in names:
        # A certificate may stand for all hosts of a domain, but not for one network interface.
        if "%" in name:
            raise UnusableValue("{name!r}: a certificate cannot name a network interface", name=name)
        read_host(name.removeprefix("*."))
    return names


def _read_networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    _refuse_quotes(text)
    networks = tuple(_read_network(word.strip()) for word in text.split(",") if word.strip())
    if not networks:
        raise UnusableValue("{text!r} has no network, such as 192.0.2.0/24", text=text)
    return networks


def _read_network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError:
        raise UnusableValue(
            "{text!r} is not a network, such as 192.0.2.0/24 or 2001:db8::/32 (no bits of a host in it)",
            text=text,
        ) from None


def one_of(metavar: str, *choices: str) -> Kind:
    """The kind whose values are these texts."""

    def read(text: str) -> str:
        if text not in choices:
            raise UnusableValue("{text!r} is not one of {choices}", text=text, choices=", ".join(choices))
        return text

    return Kind(metavar, read)


def _read_switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise UnusableValue("{text!r} is not one of {choices}", text=text, choices="on, off")
    return text == "on"


def _read_seconds(text: str) -> float:
    return _within_bounds(text, read_amount(text), timedelta(seconds=1)) / timedelta(seconds=1)


def _duration(metavar: str, unit: timedelta, amount: Callable[[str], float] = read_amount) -> Kind:
    """A duration, written as a number of these units."""
    return Kind(
        metavar,
        lambda text: _within_bounds(text, amount(text), unit),
        lambda duration: _write(duration / unit),
    )


def _within_bounds(text: str, amount: float, unit: timedelta) -> timedelta:
    """Refuses what no date can be moved by, and what would be 0 in microseconds and so turn a limit off."""
    if amount > _LONGEST / unit:
        raise UnusableValue(
            "{text!r} is too large: at most {most:.0f}, a hundred years", text=text, most=_LONGEST / unit
        )
    if amount and not amount * unit:
        raise UnusableValue("{text!r} is too small: less than a microsecond", text=text)
    return amount * unit


def _read_times(text: str) -> float:
    times = read_amount(text)
    if not 1 <= times <= _FASTEST:
        raise ArgumentTypeError(f"{text!r} is not from 1 to {_FASTEST}")
    return times


TEXT: Final = Kind("TEXT", str)
NAME: Final = Kind("NAME", _read_name)
NAMES: Final = Kind("NAMES", _read_certificate_names)
HOST: Final = Kind("HOST", read_host)
PLACES: Final = Kind("HOST", _read_places)
PORT: Final = Kind("PORT", read_port)
FILE: Final = Kind("FILE", _read_path)
FOLDER: Final = Kind("DIR", _read_path)
COUNT: Final = Kind("N", read_count)
COUNT_OR_ZERO: Final = Kind("N", read_count_or_zero)
SECONDS: Final = Kind("SECONDS", _read_seconds)
HOURS: Final = _duration("HOURS", timedelta(hours=1))
HOURS_OR_NONE: Final = _duration("HOURS", timedelta(hours=1), _read_amount_or_zero)
MINUTES_OR_NONE: Final = _duration("MINUTES", timedelta(minutes=1), _read_amount_or_zero)
DAYS: Final = _duration("DAYS", timedelta(days=1))
DAYS_OR_NONE: Final = _duration("DAYS", timedelta(days=1), _read_amount_or_zero)
TIMES: Final = Kind("N", _read_times, _write)
TIME_ZONE: Final = Kind("ZONE", _read_time_zone)
NETWORKS: Final = Kind("NETWORKS", _read_networks)
DATABASE: Final = Kind("URL", _read_database)
SWITCH: Final = Kind("on|off", _read_switch, lambda on: "on" if on else "off")
