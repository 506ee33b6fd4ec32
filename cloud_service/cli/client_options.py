"""What the client commands share: numbers, the account, the pace, the start and the end."""

import asyncio
import logging
import math
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from secrets import token_hex
from typing import Annotated, Any, Final

from msgspec import Struct

from cloud_service.config.command_line import Argument
from cloud_service.config.setting import SettingError
from cloud_service.config.values import UnusableValue
from cloud_service.language.language import Language, language_of_environment
from cloud_service.local.streams import when_output_fails
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.protocol.roles import DEVICES, is_account_name, roles_of
from recharge.arguments import InvalidArgument
from recharge.records import Number
from recharge.terminal.prompts import MAX_EXACT_INTEGER
from recharge.terminal.wording import explain

INTERRUPTED: Final = 130
"""Exit status of an unfinished command: 128 plus SIGINT, as in shells."""

MIN_TIME_SCALE: Final = 0.001
MAX_TIME_SCALE: Final = 1_000_000
"""A day passes in less than a tenth of a second."""


def positive(text: str) -> Number:
    """Reads a number above 0."""
    number = finite(text)
    if number <= 0:
        raise UnusableValue("{text!r} is not above 0", text=text)
    return number


def finite(text: str) -> Number:
    """Reads a finite number. 30 stays an integer."""
    try:
        # float() would also take blanks around a number, and underscores in it.
        number = math.nan if "_" in text or text != text.strip() else float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UnusableValue("{text!r} is not a number", text=text)
    return int(number) if number.is_integer() and abs(number) <= MAX_EXACT_INTEGER else number


def whole(text: str) -> int:
    """Reads a whole number."""
    try:
        return int(text)
    except ValueError:
        raise UnusableValue("{text!r} is not a whole number", text=text) from None


def percent(text: str) -> Number:
    """Reads a number from 0 to 100."""
    number = finite(text)
    if not 0 <= number <= 100:
        raise UnusableValue("{text!r} is not from 0 to 100 percent", text=text)
    return number


def percent_to_charge_at(text: str) -> Number:
    """Reads a number from 0 up to, not including, 100: a full battery needs no charge."""
    number = finite(text)
    if not 0 <= number < 100:
        raise UnusableValue("{text!r} is not at least 0 and below 100 percent", text=text)
    return number


def read_time_scale(text: str) -> Number:
    """Reads how many times as fast time passes."""
    number = finite(text)
    if not MIN_TIME_SCALE <= number <= MAX_TIME_SCALE:
        raise UnusableValue(
            "{text!r} is not from {least:g} to {most}", text=text, least=MIN_TIME_SCALE, most=MAX_TIME_SCALE
        )
    return number


def not_negative(text: str) -> Number:
    """Reads a number of 0 or more."""
    number = finite(text)
    if number < 0:
        raise UnusableValue("{text!r} is below 0", text=text)
    return number


def account(name: str | None, broker: BrokerAddress, otherwise: str) -> str:
    """Returns the account: this name, else the broker's, else `otherwise`. Raises SettingError."""
    name = name or broker.user or otherwise
    if not is_account_name(name):
        raise SettingError(
            "not an account name: {name!r} (1 to 64 characters: A-Z, a-z, 0-9, _ and -)", name=name
        )
    if broker.user not in (None, name):
        raise SettingError(
            "--name {name}: not the name of the account, {account}", name=name, account=broker.user
        )
    return name


def client_id_beside(name: str, broker: BrokerAddress) -> str:
    """A client ID that does not disconnect a program which runs under the same name.

    With a device's account it does, because its client ID has to be its name.
    """
    is_bound = broker.user is not None and roles_of(name) == DEVICES
    return name if is_bound else f"{name}-{token_hex(6)}"


class PaceOptions(Struct, frozen=True):
    """How fast a simulation runs, and what is drawn at random in it."""

    time_scale: Annotated[
        Number,
        Argument(
            "--time-scale",
            metavar="N",
            type=read_time_scale,
            help="how many times as fast time passes; at 1, waiting and charging take hours (default:"
            " %(default)g)",
        ),
    ] = 120.0
    seed: Annotated[
        int | None,
        Argument(
            "--seed",
            metavar="N",
            type=whole,
            help="seed of all random values; the same seed gives the same run",
        ),
    ] = None


def run(
    command: str,
    work: Callable[[Language], Coroutine[Any, Any, int]],
    *,
    interrupted: int,
    ends_with_output: bool = False,
) -> int:
    """Runs a client command in the reader's language. Ctrl-C and SIGTERM end it cleanly, with this status.

    With `ends_with_output`, so does an output that nobody can see any more.
    """
    say = language_of_environment()
    _leave_connections_to_the_screen()

    async def until_signalled() -> int:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        if ends_with_output:
            when_output_fails(task.cancel)
        return await work(say)

    try:
        with as_settings():
            return asyncio.run(until_signalled())
    except (KeyboardInterrupt, asyncio.CancelledError):
        return interrupted
    except ConnectionError as error:
        print(f"recharge {command}: {explain(error, say)}", file=sys.stderr)
        return 1


@contextmanager
def as_settings() -> Iterator[None]:
    """An argument that the library cannot use came from a setting of the command. Raises SettingError."""
    try:
        yield
    except InvalidArgument as error:
        raise SettingError(error.text) from None


def _leave_connections_to_the_screen() -> None:
    """On a terminal the command itself says, in the reader's language, when a connection is lost or back."""
    if sys.stderr.isatty() and logging.getLogger().level == logging.INFO:
        logging.getLogger("cloud_service.mqtt.async_connection").setLevel(logging.ERROR)
