"""`recharge` itself: the table of commands, help, and how a mistake is reported."""

import subprocess
import sys
from inspect import signature

import pytest

from cloud_service import __version__
from cloud_service.cli import stations
from cloud_service.cli.main import COMMANDS, Command, command_line, main

STATIONS = next(command for command in COMMANDS if command.name == "stations")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_command_has_its_module_and_help(
    command: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    module = command.load()
    assert list(signature(module.main).parameters) == ["options"]
    with pytest.raises(SystemExit) as end:
        main([command.name, "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: recharge {command.name} ")
    assert "--log-format" in shown
    assert all(len(line) <= 110 for line in shown.splitlines())


@pytest.mark.parametrize("words", [["--near", "-3,4.5"], ["--near=-3,4.5"]])
def test_a_place_may_begin_with_a_minus(words: list[str]) -> None:
    options = command_line(STATIONS, STATIONS.load()).read([*words, "--free"], {}).record(stations.Options)
    assert (options.near, options.free) == ((-3, 4.5), True)


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for command in COMMANDS:
        assert f" {command.name} {command.help}" in shown


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"recharge {__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "recharge: the following arguments are required: COMMAND"),
        (["ups"], "recharge: argument COMMAND: invalid choice: 'ups'"),
        (["up", "--mqtt-prot", "1"], "recharge up: unrecognized arguments: --mqtt-prot 1"),
        (["up", "--mqtt-por", "1"], "recharge up: unrecognized arguments: --mqtt-por 1"),
        (["up", "--mqtt-port", "x"], "recharge up: argument --mqtt-port: 'x' is not a port"),
        (["up", "--mqtt-port"], "recharge up: argument --mqtt-port: expected one argument"),
    ],
)
def test_mistakes(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    shown = capsys.readouterr().err
    assert shown.startswith(said)
    assert shown.count("\n") == 2
    assert "--help`." in shown


def test_bad_variable(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECHARGE_TCP_PORT", "old")
    with pytest.raises(SystemExit) as end:
        main(["up"])
    assert end.value.code == 2
    assert "environment variable RECHARGE_TCP_PORT: 'old' is not a port" in capsys.readouterr().err


def test_start_is_quick() -> None:
    """A command does not import what only others need."""
    code = (
        "import sys; from cloud_service.cli import main;"
        "print(*{'asyncio', 'paho', 'rich', 'cryptography', 'hypothesis'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("module", ["cloud_service.cli.main", "cloud_service.cli.status", "rich.console"])
def test_an_interruption_while_modules_are_imported_is_no_traceback(module: str) -> None:
    code = f"""
import sys
from cloud_service.__main__ import main

class Interruption:
    def find_spec(self, name, path=None, target=None):
        if name == "{module}":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interruption())
sys.argv = ["recharge", "status"]
sys.exit(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
