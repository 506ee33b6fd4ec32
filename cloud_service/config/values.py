"""The kinds of values that a setting can have: how each is read from text and written back.

The functions that read raise ArgumentTypeError for a text that they cannot use; argparse prints it with the
flag.
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

_HOST_LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z){_HOST_LABEL}(\.{_HOST_LABEL})*")


def _write(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


class Kind(Struct, frozen=True):
    """A kind of value. `metavar` stands for it in `--help`; `write` is the inverse of `read`."""

    metavar: str
    read: Callable[[str], Any]
    write: Callable[[Any], str] = _write


def read_port(text: str) -> int:
    if not _is_whole_number(text) or int(text) > 65_535:
        raise ArgumentTypeError(f"{text!r} is not a port (0-65535; 0 picks a free port)")
    return int(text)


def read_count(text: str) -> int:
    if not _is_whole_number(text) or int(text) == 0:
        raise ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def read_count_or_zero(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def read_amount(text: str) -> float:
    try:
        # float() would also take blanks around a number, and underscores in it.
        number = math.nan if "_" in text or text != text.strip() else float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ArgumentTypeError(f"{text!r} is not a number above 0")
    return number


def _is_whole_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18


def _refuse_quotes(text: str) -> None:
    """A shell removes quotes; a file of settings, such as .env or a unit of systemd, may leave them there."""
    if text[:1] in ("'", '"') or text[-1:] in ("'", '"'):
        raise ArgumentTypeError(f"{text} has quotes, which would become part of the value: leave them out")


def _read_amount_or_zero(text: str) -> float:
    return 0.0 if text.strip() in ("0", "0.0") else read_amount(text)


def _read_path(text: str) -> Path:
    if not text.strip():
        raise ArgumentTypeError(f"{text!r} is not the name of a file or folder")
    _refuse_quotes(text)
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ArgumentTypeError(
            f"{text!r}: there is no such user's home folder; write the whole path"
        ) from None


def _read_name(text: str) -> str:
    _refuse_quotes(text)
    if text != text.strip():
        raise ArgumentTypeError(f"{text!r} begins or ends with a blank")
    return text


def read_host(text: str) -> str:
    """A host name or an address."""
    _refuse_quotes(text)
    if not _is_address(text) and not _HOST_NAME.fullmatch(text.removesuffix(".")):
        raise ArgumentTypeError(
            f"{text!r} is not a host name or address, such as broker.example.org, 192.0.2.1 or ::1"
            " (no URL, port, brackets or blanks)"
        )
    return text


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _read_time_zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (LookupError, ValueError, OSError):
        raise ArgumentTypeError(f"{text!r} is not a time zone, such as America/Sao_Paulo") from None


def _read_certificate_names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise ArgumentTypeError(f"{text!r} has no host name or address")
    for name in names:
        # A certificate may stand for all hosts of a domain, but not for one network interface.
        if "%" in name:
            raise ArgumentTypeError(f"{name!r}: a certificate cannot name a network interface")
        read_host(name.removeprefix("*."))
    return names


def _read_networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(word.strip()) for word in text.split(","))
    except ValueError as error:
        raise ArgumentTypeError(f"{error}; networks look like 192.0.2.0/24,2001:db8::/32") from None


def one_of(metavar: str, *choices: str) -> Kind:
    """The kind whose values are these texts."""

    def read(text: str) -> str:
        if text not in choices:
            raise ArgumentTypeError(f"{text!r} is not one of {', '.join(choices)}")
        return text

    return Kind(metavar, read)


def _duration(metavar: str, unit: timedelta, amount: Callable[[str], float] = read_amount) -> Kind:
    """A duration, written as a number of these units."""

    def read(text: str) -> timedelta:
        try:
            return amount(text) * unit
        except OverflowError:
            raise ArgumentTypeError(f"{text!r} is too large") from None

    return Kind(metavar, read, lambda duration: _write(duration / unit))


TEXT: Final = Kind("TEXT", str)
NAME: Final = Kind("NAME", _read_name)
NAMES: Final = Kind("NAMES", _read_certificate_names)
HOST: Final = Kind("HOST", read_host)
PORT: Final = Kind("PORT", read_port)
FILE: Final = Kind("FILE", _read_path)
FOLDER: Final = Kind("DIR", _read_path)
COUNT: Final = Kind("N", read_count)
COUNT_OR_ZERO: Final = Kind("N", read_count_or_zero)
SECONDS: Final = Kind("SECONDS", read_amount)
HOURS: Final = _duration("HOURS", timedelta(hours=1))
DAYS: Final = _duration("DAYS", timedelta(days=1))
DAYS_OR_NONE: Final = _duration("DAYS", timedelta(days=1), _read_amount_or_zero)
TIME_ZONE: Final = Kind("ZONE", _read_time_zone)
NETWORKS: Final = Kind("NETWORKS", _read_networks)
