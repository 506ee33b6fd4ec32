"""Records of an imaginary command."""

from typing import Annotated

from msgspec import Struct

from cloud_service.config.command_line import Argument, CommandLine, SettingsGiven
from cloud_service.config.setting import Section, Setting
from cloud_service.config.values import COUNT, HOST, PORT, TEXT

WIDTH = Setting("sign_width", COUNT, Section.PLACES, "columns of the sign: 100% of it")
HOST_NAME = Setting("sign_host", HOST, Section.TCP, "host of the sign")
TOKEN = Setting("sign_token", TEXT, Section.TCP, "the sign's token", secret=True)


class Address(Struct, frozen=True):
    host: Annotated[str, HOST_NAME] = "127.0.0.1"
    port: Annotated[int | None, Setting("sign_port", PORT, Section.TCP, "port of the sign")] = None
    token: Annotated[str | None, TOKEN] = None


class Sign(Struct, frozen=True):
    address: Address
    width: Annotated[int, WIDTH] = 40
    height: int = 2
    """Not a setting: it keeps its default."""


class Options(Struct, frozen=True, kw_only=True):
    text: Annotated[str, Argument(metavar="TEXT", help="what to show")]
    words: Annotated[list[str], Argument(nargs="*", help="more of it")]
    blink_rate: Annotated[int, Argument("--blink-rate", type=int, help="(default: %(default)s)")] = 3
    sign: Sign
    address: Address
    given: SettingsGiven


def command_line() -> CommandLine:
    return CommandLine("sign", (Options,), "Shows a text.")


def read(*words: str, environment: dict[str, str] | None = None) -> Options:
    return command_line().read(words, environment or {}).record(Options)
