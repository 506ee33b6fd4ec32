"""`recharge`, also `python -m cloud_service`: finds the command, reads its settings, starts its module.

The composition root: nothing else knows the whole.
"""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Final, NoReturn

from msgspec import Struct

from cloud_service import __version__
from cloud_service.cli import logs
from cloud_service.cli import settings as names
from cloud_service.cli.settings import SettingError, add_settings, complete


class Command(Struct, frozen=True):
    """A row of COMMANDS.

    The module has `main(options: Namespace) -> int`, which returns the exit status, and may have
    `add_arguments(parser)` for what is the command's own. It is imported when the command is used.
    """

    name: str
    help: str
    module: str
    settings: tuple[str, ...]


_CLIENT: Final = (*names.BROKER, *names.TCP)

COMMANDS: Final = (
    Command("up", "start the whole network on this machine", "cloud_service.cli.up", names.UP),
    Command("service", "run the cloud service", "cloud_service.cli.service", names.SERVICE + names.BROKER),
    Command("gateway", "run the TCP gateway", "cloud_service.cli.gateway", names.GATEWAY + names.BROKER),
    Command("request", "send one request and print its reply", "cloud_service.cli.request", _CLIENT),
    Command("health", "tell whether a process of ours is well", "cloud_service.cli.health", names.BROKER),
    Command(
        "accounts",
        "keep the accounts of a secured broker",
        "cloud_service.cli.accounts",
        names.BROKER + names.SECURITY,
    ),
    Command(
        "certificates",
        "make the certificates of broker and devices",
        "cloud_service.cli.certificates",
        names.SECURITY,
    ),
    Command("verify", "check a data folder", "cloud_service.cli.verify", ("time_zone",)),
    Command("backup", "copy the data folder", "cloud_service.cli.backup", ("data_dir", "time_zone")),
    Command("charger", "be a charger", "cloud_service.cli.charger", _CLIENT),
    Command("vehicle", "be a vehicle", "cloud_service.cli.vehicle", _CLIENT),
    Command("demo", "be a few chargers and vehicles that live", "cloud_service.cli.demo", _CLIENT),
    Command("import", "bring in the stations of a CSV file", "cloud_service.cli.import_stations", _CLIENT),
)


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n`{self.prog} --help` shows what there is.\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `recharge` with these arguments, by default the process's own. Returns its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    command = _find_command(words)
    module = import_module(command.module)
    options = _read_options(command, module, words[1:])
    logs.set_up(command.name, options.log_format, options.log_level)
    try:
        return int(module.main(options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain once more when it flushes on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ConnectionError, SettingError) as error:
        print(f"recharge {command.name}: {error}", file=sys.stderr)
        return 1


def _find_command(words: Sequence[str]) -> Command:
    """The command that the first word names. Exits where there is none, and after --help or --version."""
    parser = _Parser(
        prog="recharge",
        description="A charging network for electric vehicles, over MQTT and raw TCP.",
        epilog="`recharge COMMAND --help` shows a command's options. Each has an environment variable too.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"recharge {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    for command in COMMANDS:
        commands.add_parser(command.name, help=command.help, add_help=False)
    chosen = parser.parse_args(words[:1]).command
    return next(command for command in COMMANDS if command.name == chosen)


def _read_options(command: Command, module: ModuleType, words: Sequence[str]) -> Namespace:
    parser = _Parser(prog=f"recharge {command.name}", description=module.__doc__, allow_abbrev=False)
    if hasattr(module, "add_arguments"):
        module.add_arguments(parser)
    # The settings are many; below the usage, each stands with its meaning.
    parser.usage = parser.format_usage().removeprefix("usage: ").rstrip() + " [settings]"
    taken = (*command.settings, *names.LOGS)
    add_settings(parser, taken)
    options = parser.parse_args(words)
    try:
        complete(options, taken)
    except SettingError as error:
        parser.error(str(error))
    return options
