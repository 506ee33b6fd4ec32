"""`recharge ocpp` refuses what no charger could do, before it connects to anything."""

import pytest

from cloud_service.cli.main import main

PLACE = ("--at", "3,4.5")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["add", "operator-1", *PLACE, "--point", "1=22@1"], "'operator-1' cannot be a charger's account"),
        (["add", "a/b", *PLACE, "--point", "1=22@1"], "'a/b' cannot be a charger's account"),
        (["accept", "post-7", *PLACE], "`accept` needs --at and at least one --point"),
        (["add", "post-7", "--point", "1=22@1"], "`add` needs --at and at least one --point"),
        (
            ["add", "post-7", *PLACE, "--point", "1=22@1", "--point", "1=11@1"],
            "a connector number of its own",
        ),
        (["add", "post-7", *PLACE, "--point", "0=22@1"], "a connector number of its own, from 1"),
        (["add", "post-7", *PLACE, "--point", "1=0kW@1"], "the power of a point has to be above 0"),
        (["start", "post-7"], "`start` needs a --tag"),
        (["stop", "post-7"], "`stop` needs a --transaction or a --connector"),
        (["trigger", "post-7"], "`trigger` needs a --message"),
    ],
)
def test_what_cannot_be(words: list[str], problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ocpp", *words, "--mqtt-port", "1"]) == 1
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--at", "3"], ["--at", "3,x"], ["--point", "22kW"], ["--point", "1=22"]])
def test_what_cannot_be_read(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["ocpp", "add", "post-7", *words])
    assert words[0] in capsys.readouterr().err


@pytest.mark.parametrize("point", ["1=22@1,TYPE2", "1=22@1,iec_62196_t2"])
def test_connector_types_are_those_of_ocpi(point: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["ocpp", "add", "post-7", "--point", point])
    assert "has no connector type of OCPI, such as IEC_62196_T2" in capsys.readouterr().err
