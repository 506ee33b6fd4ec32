"""Flags, environment variables and defaults become the records of a command."""

from pathlib import Path

import pytest

from cloud_service.config.setting import SettingError
from tests.unit.config.sample import Address, Options, Sign, command_line, read


def test_defaults_are_those_of_the_records() -> None:
    options = read("hello")
    assert (options.text, options.words, options.blink_rate) == ("hello", [], 3)
    assert options.address == Address()
    assert options.sign == Sign(Address())
    assert options.given.names == frozenset()


def test_arguments() -> None:
    options = read("hello", "you", "there", "--blink-rate", "7")
    assert (options.text, options.words, options.blink_rate) == ("hello", ["you", "there"], 7)


def test_flag_beats_variable_beats_default() -> None:
    by_variable = read("hello", environment={"RECHARGE_SIGN_WIDTH": "80"})
    assert by_variable.sign.width == 80
    by_flag = read("hello", "--sign-width", "20", environment={"RECHARGE_SIGN_WIDTH": "not read"})
    assert by_flag.sign.width == 20
    assert "sign_width" in by_variable.given
    assert "sign_width" in by_flag.given


def test_a_setting_of_two_records_is_one_flag() -> None:
    options = read("hello", "--sign-host", "example.org")
    assert options.sign.address == options.address == Address("example.org")


def test_a_given_default_counts_as_given() -> None:
    assert "sign_width" in read("hello", "--sign-width", "40").given


def test_empty_variable_counts_as_not_set() -> None:
    options = read("hello", environment={"RECHARGE_SIGN_WIDTH": "", "RECHARGE_SIGN_PORT": ""})
    assert (options.sign.width, options.address.port) == (40, None)
    assert options.given.names == frozenset()


@pytest.mark.parametrize(
    ("words", "environment", "reason"),
    [
        ([], {}, "sign: the following arguments are required: TEXT"),
        (["a", "--sign-width", "0"], {}, "sign: argument --sign-width: '0' is not a whole number"),
        (["a", "--sign-wid", "1"], {}, "sign: unrecognized arguments: --sign-wid"),
        (["a"], {"RECHARGE_SIGN_WIDTH": "0"}, "sign: environment variable RECHARGE_SIGN_WIDTH: '0' is not"),
        (["a", "--sign-token", "x"], {}, "sign: unrecognized arguments: --sign-token"),
    ],
)
def test_mistakes_end_the_process(
    words: list[str], environment: dict[str, str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        read(*words, environment=environment)
    assert end.value.code == 2
    shown = capsys.readouterr().err
    assert shown.startswith(reason)
    assert shown.endswith("\nSee `sign --help`.\n")


def test_secret_comes_from_its_variable_or_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from the file\r\nsecond line\n")
    assert read("a", "--sign-token-file", str(file)).address.token == "from the file"
    environment = {"RECHARGE_SIGN_TOKEN_FILE": str(file)}
    assert read("a", environment=environment).address.token == "from the file"
    environment["RECHARGE_SIGN_TOKEN"] = "from the variable"
    assert read("a", environment=environment).address.token == "from the variable"


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_secret_file_that_cannot_be_read(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingError, match=f"cannot read the password file {file}: "):
        read("a", "--sign-token-file", str(file))


def test_help(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    with pytest.raises(SystemExit):
        command_line().read(["--help"], {})
    shown = capsys.readouterr().out
    assert shown.startswith(
        "usage: sign [-h] [--blink-rate BLINK_RATE] TEXT [words ...] [settings]\n\nShows a text."
    )
    said = " ".join(shown.split())
    assert "--blink-rate BLINK_RATE (default: 3)" in said
    assert "--sign-width N columns of the sign: 100% of it (default: 40) [RECHARGE_SIGN_WIDTH]" in said
    assert "--sign-port PORT port of the sign [RECHARGE_SIGN_PORT]" in said
    assert "file whose first line is the sign's token; or see RECHARGE_SIGN_TOKEN" in said
    assert said.index("where things are:") < said.index("TCP for legacy clients:")


def test_options_are_typed() -> None:
    assert type(read("a")) is Options
