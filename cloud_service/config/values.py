"""What the text of a flag or of an environment variable can be, and the value that it stands for.

Each function raises ArgumentTypeError for a text that it cannot take; argparse shows it with the flag.
"""

import math
from argparse import ArgumentTypeError
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from zoneinfo import ZoneInfo


def port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise ArgumentTypeError(f"{text!r} is no port: a number from 0 to 65535 is, and 0 takes a free one")
    return int(text)


def count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def amount(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ArgumentTypeError(f"{text!r} is no number above 0")
    return number


def path(text: str) -> Path:
    if not text:
        raise ArgumentTypeError("an empty text names no file or folder")
    return Path(text).expanduser()


def time_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (LookupError, ValueError, OSError):
        raise ArgumentTypeError(f"{text!r} is no time zone: America/Sao_Paulo is one") from None
    return text


def texts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(word.strip()) for word in text.split(","))
    except ValueError as error:
        raise ArgumentTypeError(f"{error}: 192.0.2.0/24,2001:db8::/32 are networks") from None


def one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ArgumentTypeError(f"{text!r} is none of {', '.join(choices)}")
        return text

    return read
