"""Commands whose standard streams are closed, full, without a reader, or ASCII only."""

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.client_commands import EXAMPLES
from tests.kit.processes import Stack, clean_environment, free_port
from tests.kit.waiting import DEADLINE, wait_until

CSV = str(EXAMPLES / "stations.csv")
HEADER = (EXAMPLES / "stations.csv").read_text().splitlines()[0]
ENGLISH = {"LANGUAGE": "en"}
FAILING_OUTPUTS = {
    ">&-": "it is closed",
    ">/dev/full": "No space left on device",
    "| true": "its reader has gone",
    "<&- >&-": "it is closed",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("streams")) as running:
        yield running


def shell(
    words: tuple[str, ...], redirection: str, environment: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Runs a command of `recharge` in a shell. The exit status is that of the command."""
    line = f"{shlex.join([sys.executable, '-m', 'cloud_service', *words])} {redirection}"
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@pytest.mark.parametrize("redirection", FAILING_OUTPUTS)
@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("--version",),
        ("verify", "--help"),
        ("accounts", "rights"),
        ("verify", "DATA"),
        ("backup", "COPY", "--data-dir", "DATA"),
        ("request", "newChargingStation", "x_position=1", "y_position=1"),
        ("request", "--tcp", "newChargingStation", "x_position=2", "y_position=2"),
        ("demo", "--chargers", "1", "--vehicles", "1"),
    ],
    ids=" ".join,
)
def test_a_command_whose_output_is_lost_says_so_and_fails(
    stack: Stack, tmp_path: Path, words: tuple[str, ...], redirection: str
) -> None:
    places = {"DATA": str(stack.data_dir), "COPY": str(tmp_path / "copy")}
    ended = shell(tuple(places.get(word, word) for word in words), redirection, stack.environment)
    reason = FAILING_OUTPUTS[redirection]
    assert ended.returncode == 1, ended.stderr
    program = "recharge" if words[0].startswith("-") else f"recharge {words[0]}"
    assert f"{program}: cannot write to standard output: {reason}" in ended.stderr.splitlines()
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("redirection", ["<&-", "2>&-", "2>/dev/full", "<&- 2>&-"])
def test_a_request_needs_neither_standard_input_nor_standard_error(stack: Stack, redirection: str) -> None:
    words = ("request", "newChargingStation", "x_position=1", "y_position=1")
    ended = shell(words, redirection, stack.environment)
    assert ended.returncode == 0
    assert int(ended.stdout) > 0
    assert ended.stderr == ""


@pytest.mark.parametrize("redirection", ["| head -1", ">&-", ">/dev/full", "| true"])
def test_an_import_goes_on_without_its_output(stack: Stack, tmp_path: Path, redirection: str) -> None:
    file = tmp_path / "stations.csv"
    longitude = 10 + list(FAILING_OUTPUTS).index(redirection) if redirection in FAILING_OUTPUTS else 20
    rows = (
        f"ELEC,S{number},E,,1,,{30 + number / 100},{longitude},{longitude}{number}" for number in range(100)
    )
    file.write_text("\n".join((HEADER, *rows)))
    ended = shell(("import", str(file)), redirection, {**stack.environment, **ENGLISH})
    assert "Traceback" not in ended.stderr
    assert [line.split() for line in ended.stderr.splitlines() if "added" in line] == [["100", "added"]] * 2
    again = stack.recharge("import", str(file))
    assert ["100", "there", "already"] in [line.split() for line in again.stdout.splitlines()]


@pytest.mark.parametrize("redirection", ["<&-", ">&-", ">/dev/full", "2>&-", "<&- >&- 2>&-"])
def test_a_charger_runs_without_its_streams(stack: Stack, tmp_path: Path, redirection: str) -> None:
    file = tmp_path / "state.json"
    words = ("charger", "--name", "streamless", "--x", "500", "--y", "0", "--state", str(file))
    line = f"exec {shlex.join([sys.executable, '-m', 'cloud_service', *words])} {redirection}"
    process = subprocess.Popen(
        ["bash", "-c", line], env=stack.environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:
        wait_until(
            lambda: file.exists() and json.loads(file.read_bytes()).get("points"), "the charger is registered"
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0
    finally:
        if process.poll() is None:
            process.kill()
        _, errors = process.communicate()
    assert b"Traceback" not in errors


def test_a_vehicle_runs_without_its_streams(stack: Stack) -> None:
    place = ("--x", "500", "--y", "0", "--time-scale", "3000", "--battery", "21")
    stack.recharge(
        "request", "newChargingStation", "x_position=500", "y_position=0", "--client", "streamless"
    )
    for redirection in ("<&-", ">/dev/full", "<&- >&- 2>&-"):
        ended = shell(("vehicle", "--name", "quiet", *place), redirection, stack.environment)
        assert ended.returncode == 0, ended.stderr
        assert "Traceback" not in ended.stderr


def test_what_a_network_without_streams_logs_lands_in_no_file(tmp_path: Path) -> None:
    port = str(free_port())
    words = (
        "up",
        "--data-dir",
        str(tmp_path / "data"),
        "--mqtt-port",
        port,
        "--tcp-port",
        "0",
        "--http-port",
        "0",
    )
    line = f"exec {shlex.join([sys.executable, '-m', 'cloud_service', *words])} <&- >&- 2>&-"
    environment = clean_environment(RECHARGE_MQTT_PORT=port)
    with subprocess.Popen(["bash", "-c", line], env=environment) as network:
        try:
            wait_until(
                lambda: (
                    shell(
                        ("request", "newChargingStation", "x_position=1", "y_position=1"), "", environment
                    ).returncode
                    == 0
                ),
                "the network answers",
            )
        finally:
            network.send_signal(signal.SIGINT)
        assert network.wait(DEADLINE) == 0
    verified = shell(("verify", str(tmp_path / "data")), "", environment)
    assert (verified.returncode, verified.stdout.splitlines()[-1]) == (0, "sound")


ASCII = {
    "PYTHONIOENCODING": {"PYTHONIOENCODING": "ascii"},
    "the C locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


@pytest.mark.parametrize("how", ASCII)
def test_ascii_output_has_escapes(stack: Stack, how: str) -> None:
    environment = {**stack.environment, "LANGUAGE": "pt_BR", **ASCII[how]}
    if how == "the C locale":
        # gettext takes LANGUAGE in the C locale as well.
        environment.pop("LANG", None)
    ended = shell(("import", CSV), "", environment)
    assert ended.returncode == 0, ended.stderr
    assert r"esta\xe7\xf5es no arquivo" in ended.stdout
    failed = shell(("import", CSV, "--mqtt-port", "1"), "", environment)
    assert failed.returncode == 1
    assert r"n\xe3o foi poss\xedvel conectar" in failed.stderr


@pytest.mark.parametrize("words", [("import", CSV), ("vehicle", "--time-scale", "3000", "--battery", "21")])
@pytest.mark.parametrize(
    ("environment", "colours"),
    [
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"TTY_COMPATIBLE": "1"}, False),
        ({}, False),
    ],
)
def test_a_file_gets_no_cursor_codes(
    stack: Stack, words: tuple[str, ...], environment: dict[str, str], colours: bool
) -> None:
    stack.recharge("request", "newChargingStation", "x_position=0", "y_position=0", "--client", "streamless")
    stack.recharge(
        "request",
        "newChargingPoint",
        "chargingStationID=1",
        "power=50",
        "kWhPrice=1",
        "availability=livre",
    )
    ended = shell(words, "", {**stack.environment, **ENGLISH, "TERM": "xterm-256color", **environment})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    codes = {piece.partition("m")[0] for piece in ended.stdout.split("\x1b[")[1:]}
    assert all(set(code) <= set("0123456789;") for code in codes)
    assert bool(codes) is colours
