"""`recharge`, also `python -m cloud_service`: finds the command, reads its settings, runs it."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from importlib import import_module
from inspect import cleandoc
from typing import Any, Final, Protocol, cast

from msgspec import Struct

from cloud_service import __version__
from cloud_service.cli import logs
from cloud_service.cli.failure import complain
from cloud_service.config.command_line import CommandLine, Parser
from cloud_service.config.setting import SettingError
from cloud_service.language.language import language_of_environment
from cloud_service.local.streams import output_failure, prepare_standard_streams


class CommandModule(Protocol):
    """The module of a command. Its docstring begins its `--help`, and EPILOG ends it."""

    Options: type[Struct]
    """The record of what the command takes: its own arguments, and records of settings."""

    def main(self, options: Any) -> int:
        """Runs the command with a record of Options. Returns the exit status."""


class Command(Struct, frozen=True):
    """A command: a name, a line for `recharge --help`, and a module, which is imported when it is used.

    `prints`: it has done its work only if what it prints has arrived.
    """

    name: str
    help: str
    module: str
    prints: bool = True

    def load(self) -> CommandModule:
        return cast(CommandModule, import_module(f"cloud_service.cli.{self.module}"))


COMMANDS: Final = (
    Command("up", "start the whole network on this machine", "up", prints=False),
    Command("status", "show what runs and the state of the network", "status"),
    Command("stations", "list the stations", "stations"),
    Command("watch", "follow the network in the terminal", "watch"),
    Command("service", "run the cloud service", "service", prints=False),
    Command("gateway", "run the TCP gateway", "gateway", prints=False),
    Command("ocpp-gateway", "run the OCPP gateway", "ocpp_gateway", prints=False),
    Command("ocpp", "manage the chargers of the OCPP gateway", "ocpp"),
    Command("monitor", "serve the live map to browsers", "monitor", prints=False),
    Command("request", "send one request and print its reply", "request"),
    Command("health", "check that the cloud service or a gateway is running", "health"),
    Command("accounts", "manage the accounts of a secured broker", "accounts"),
    Command("certificates", "make certificates for the broker and for devices", "certificates"),
    Command("schema", "make or upgrade the schema of a database", "schema"),
    Command("verify", "check a data folder", "verify"),
    Command("backup", "copy the data folder", "backup"),
    Command("restore", "replace the data folder with a backup", "restore"),
    Command("migrate", "move the network into PostgreSQL, or back into a folder", "migrate"),
    Command("forget", "erase a vehicle's name from the data folder", "forget"),
    Command("report", "add up charges, energy, revenue and utilisation", "report"),
    Command("simulate", "compare policies in a simulation", "simulate"),
    Command("charger", "run a charger", "charger", prints=False),
    Command("vehicle", "run a vehicle", "vehicle", prints=False),
    Command("demo", "run simulated chargers and vehicles", "demo"),
    Command("import", "import the stations of a CSV file", "import_stations", prints=False),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `recharge` with these arguments, by default those of the process. Returns the exit status."""
    prepare_standard_streams()
    words = sys.argv[1:] if arguments is None else arguments
    try:
        command = _find_command(words)
    except SystemExit as end:
        raise SystemExit(_status("recharge", int(end.code or 0))) from None
    try:
        return _status(f"recharge {command.name}", _run(command, words[1:]), prints=command.prints)
    except SystemExit as end:
        raise SystemExit(_status(f"recharge {command.name}", int(end.code or 0))) from None


def _run(command: Command, words: Sequence[str]) -> int:
    module = command.load()
    try:
        values = command_line(command, module).read(words, os.environ)
        logs.set_up(command.name, values.record(logs.LogSettings))
        return module.main(values.record(module.Options))
    except KeyboardInterrupt:
        return 130
    except (ConnectionError, SettingError) as error:
        return complain(command.name, error)


def _status(program: str, status: int, *, prints: bool = True) -> int:
    """Returns the exit status, which is not 0 if what was to be printed is lost, and says so."""
    reason = output_failure()
    if reason is None:
        return status
    say = language_of_environment()
    text = say("{program}: cannot write to standard output: {reason}", program=program, reason=reason)
    print(text, file=sys.stderr)
    return status or int(prints)


def command_line(command: Command, module: CommandModule) -> CommandLine:
    """The command line of this command. Every command takes the settings of logs too."""
    return CommandLine(
        f"recharge {command.name}",
        (module.Options, logs.LogSettings),
        cleandoc(module.__doc__ or ""),
        getattr(module, "EPILOG", ""),
    )


def program_line() -> Parser:
    """The command line of `recharge` without a command."""
    say = language_of_environment()
    parser = Parser(
        say,
        prog="recharge",
        description=say("A charging network for electric vehicles, over MQTT and raw TCP."),
        epilog=say(
            "`recharge COMMAND --help` shows a command's options; most are environment variables too."
        ),
    )
    parser.add_argument("--version", action="version", version=f"recharge {__version__}")
    commands = parser.add_subparsers(
        title=say("commands"),
        metavar=say("COMMAND"),
        dest="command",
        required=True,
        parser_class=ArgumentParser,
    )
    for command in COMMANDS:
        commands.add_parser(command.name, help=say(command.help), add_help=False)
    return parser


def _find_command(words: Sequence[str]) -> Command:
    """The command that the first word names. Exits if there is none, and after --help or --version."""
    chosen = program_line().parse_args(words[:1]).command
    return next(command for command in COMMANDS if command.name == chosen)
