"""`recharge`, also `python -m cloud_service`: finds the command, reads its settings, runs it."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, Protocol, cast

from msgspec import Struct

from cloud_service import __version__
from cloud_service.cli import logs
from cloud_service.config.command_line import CommandLine, Parser
from cloud_service.config.setting import SettingError


class CommandModule(Protocol):
    """The module of a command. Its docstring is the description in `--help`."""

    Options: type[Struct]
    """The record of what the command takes: its own arguments, and records of settings."""

    def main(self, options: Any) -> int:
        """Runs the command with a record of Options. Returns the exit status."""


class Command(Struct, frozen=True):
    """A command: a name, a line for `recharge --help`, and a module, which is imported when it is used."""

    name: str
    help: str
    module: str

    def load(self) -> CommandModule:
        return cast(CommandModule, import_module(f"cloud_service.cli.{self.module}"))


COMMANDS: Final = (
    Command("up", "start the whole network on this machine", "up"),
    Command("service", "run the cloud service", "service"),
    Command("gateway", "run the TCP gateway", "gateway"),
    Command("request", "send one request and print its reply", "request"),
    Command("health", "check that the cloud service or a gateway is running", "health"),
    Command("accounts", "manage the accounts of a secured broker", "accounts"),
    Command("certificates", "make certificates for the broker and for devices", "certificates"),
    Command("verify", "check a data folder", "verify"),
    Command("backup", "copy the data folder", "backup"),
    Command("restore", "put a backup in the place of the data folder", "restore"),
    Command("charger", "run a charger", "charger"),
    Command("vehicle", "run a vehicle", "vehicle"),
    Command("demo", "run simulated chargers and vehicles", "demo"),
    Command("import", "import the stations of a CSV file", "import_stations"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `recharge` with these arguments, by default those of the process. Returns the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    command = _find_command(words)
    module = command.load()
    try:
        values = command_line(command, module).read(words[1:], os.environ)
        logs.set_up(command.name, values.record(logs.LogSettings))
        return module.main(values.record(module.Options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output is gone; without this, Python would complain again when it flushes on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ConnectionError, SettingError) as error:
        print(f"recharge {command.name}: {error}", file=sys.stderr)
        return 1


def command_line(command: Command, module: CommandModule) -> CommandLine:
    """The command line of this command. Every command takes the settings of logs too."""
    return CommandLine(
        f"recharge {command.name}",
        (module.Options, logs.LogSettings),
        module.__doc__ or "",
        getattr(module, "EPILOG", ""),
    )


def _find_command(words: Sequence[str]) -> Command:
    """The command that the first word names. Exits if there is none, and after --help or --version."""
    parser = Parser(
        prog="recharge",
        description="A charging network for electric vehicles, over MQTT and raw TCP.",
        epilog="`recharge COMMAND --help` shows a command's options; most are environment variables too.",
    )
    parser.add_argument("--version", action="version", version=f"recharge {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    for command in COMMANDS:
        commands.add_parser(command.name, help=command.help, add_help=False)
    chosen = parser.parse_args(words[:1]).command
    return next(command for command in COMMANDS if command.name == chosen)
