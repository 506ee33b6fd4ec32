"""What the clients' commands have in common."""

import asyncio
import math
import os
import signal
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Coroutine
from typing import Any, Final

from cloud_service.cli.settings import SettingError
from cloud_service.protocol.roles import is_account_name
from recharge.language import Language, language_of
from recharge.records import Number

TIME_SCALE: Final = 120.0
INTERRUPTED: Final = 130
"""The exit status of what was not finished, as shells have it."""


def say() -> Language:
    return language_of(os.environ)


def positive(text: str) -> Number:
    """A flag's number above 0."""
    number = finite(text)
    if number <= 0:
        raise ArgumentTypeError(f"{text!r} is not above 0")
    return number


def finite(text: str) -> Number:
    """A flag's number; 30 stays 30, as the protocol has it."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ArgumentTypeError(f"{text!r} is no number")
    return int(number) if number.is_integer() else number


def price(text: str) -> Number:
    """A flag's price: 0 or more."""
    number = finite(text)
    if number < 0:
        raise ArgumentTypeError(f"{text!r} is below 0")
    return number


def count(text: str) -> int:
    """A flag's whole number from 1."""
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def account(options: Namespace, otherwise: str) -> str:
    """The account that `--name` or the broker's settings say. SettingError where it can be nobody's."""
    name: str = options.name or options.mqtt_user or otherwise
    if not is_account_name(name):
        raise SettingError(f"{name!r} is no account's name: 1 to 64 of A-Z, a-z, 0-9, _ and - are")
    if options.mqtt_user not in (None, name):
        raise SettingError(f"--name {name}: the account {options.mqtt_user} speaks under its own name only")
    return name


def add_pace(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--time-scale",
        metavar="N",
        type=positive,
        default=TIME_SCALE,
        help=f"times as fast as real time: 1 waits and charges for hours (default: {TIME_SCALE:g})",
    )
    parser.add_argument("--seed", metavar="N", type=int, help="the same seed gives the same journey")


def run(work: Coroutine[Any, Any, int], *, ended: int) -> int:
    """Runs the command's work. Ctrl-C and SIGTERM end it in order, with `ended` as the exit status."""

    async def until_told() -> int:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return asyncio.run(until_told())
    except (KeyboardInterrupt, asyncio.CancelledError):
        return ended
