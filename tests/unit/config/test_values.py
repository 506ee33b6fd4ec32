"""Values that a setting's text can have, and texts that are refused."""

from argparse import ArgumentTypeError
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cloud_service.config import values
from cloud_service.config.values import Kind, one_of

NO_HOSTS = (
    "a b",
    "a;b",
    "https://b.example",
    "b.example:8883",
    "b.example/path",
    "[::1]",
    "-a",
    "a..b",
    ".",
    "a" * 64,
    "1::2::3",
    "\u00e9.example",
)
LEVEL = one_of("LEVEL", "debug", "info")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (values.TEXT, "any text", "any text"),
        (values.NAMES, "example.org,192.0.2.1", ("example.org", "192.0.2.1")),
        (values.NAMES, "*.example.org,::1", ("*.example.org", "::1")),
        *(
            (values.HOST, text, text)
            for text in ("localhost", "cloud_server", "b.example.", "::", "192.0.2.1")
        ),
        (values.PLACES, "mqtt-1", (values.Place("mqtt-1"),)),
        (values.PLACES, "::1,192.0.2.1", (values.Place("::1"), values.Place("192.0.2.1"))),
        (
            values.PLACES,
            "mqtt-1:1884,[::1]:1885,b.example.",
            (values.Place("mqtt-1", 1884), values.Place("::1", 1885), values.Place("b.example.")),
        ),
        (values.SWITCH, "on", True),
        (values.SWITCH, "off", False),
        (values.PORT, "0", 0),
        (values.PORT, "65535", 65_535),
        (values.COUNT, "77", 77),
        (values.COUNT_OR_ZERO, "77", 77),
        (values.COUNT_OR_ZERO, "0", 0),
        (values.SECONDS, "7.5", 7.5),
        (values.SECONDS, "300", 300.0),
        (values.DAYS_OR_NONE, "0", timedelta(0)),
        (values.DAYS_OR_NONE, "36500", timedelta(days=36_500)),
        (values.HOURS, "0.5", timedelta(minutes=30)),
        (values.DAYS, "30", timedelta(days=30)),
        (values.FILE, "/etc/some file", Path("/etc/some file")),
        (values.TIME_ZONE, "America/Sao_Paulo", ZoneInfo("America/Sao_Paulo")),
        (
            values.NETWORKS,
            "192.0.2.0/24,2001:db8::/32",
            (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")),
        ),
        (LEVEL, "debug", "debug"),
    ],
)
def test_text_and_value_correspond(kind: Kind, text: str, value: object) -> None:
    assert kind.read(text) == value
    assert kind.write(value) == text


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (values.PORT, "65536", "'65536' is not a port (0-65535; 0 picks a free port)"),
        (values.PORT, "-1", "not a port"),
        (values.PORT, "x", "not a port"),
        (values.COUNT, "0", "'0' is not a whole number of 1 or more"),
        (values.COUNT, "1e3", "not a whole number"),
        (values.SECONDS, "0", "'0' is not a number above 0"),
        (values.SECONDS, "nan", "not a number above 0"),
        (values.HOURS, "inf", "not a number above 0"),
        (values.DAYS, "1e300", "'1e300' is too large"),
        (values.FOLDER, "", "not the name of a file or folder"),
        (values.FOLDER, " ", "not the name of a file or folder"),
        (values.FOLDER, "~nosuchuser/x", "there is no such user's home folder"),
        (values.FOLDER, "'/data'", "has quotes"),
        (values.FILE, '"/data/ca.crt"', "has quotes"),
        (values.NAME, '"gateway"', "has quotes"),
        (values.NAME, "gateway ", "begins or ends with a blank"),
        (values.COUNT, "1" * 5000, "not a whole number"),
        (values.COUNT, "\u0663", "not a whole number"),
        (values.PORT, "\u0661\u0668", "not a port"),
        (values.COUNT_OR_ZERO, "1" * 5000, "is not a whole number of 0 or more"),
        (values.COUNT_OR_ZERO, "\u0663", "is not a whole number of 0 or more"),
        (values.COUNT_OR_ZERO, "\u00b2", "is not a whole number of 0 or more"),
        (values.COUNT_OR_ZERO, "-1", "is not a whole number of 0 or more"),
        (values.COUNT_OR_ZERO, "", "is not a whole number of 0 or more"),
        (values.SECONDS, "\u0663", "not a number above 0"),
        (values.SECONDS, "1e300", "'1e300' is too large: at most 3153600000, a hundred years"),
        (values.SECONDS, "1e-9", "too small"),
        (values.HOURS, "1e7", "'1e7' is too large: at most 876000, a hundred years"),
        (values.DAYS_OR_NONE, "36501", "too large"),
        (values.DAYS_OR_NONE, "1e-12", "too small"),
        (values.DAYS_OR_NONE, "-1", "'-1' is not a number of 0 or more"),
        (values.DAYS_OR_NONE, "nan", "is not a number of 0 or more"),
        (values.DAYS_OR_NONE, " 0 ", "is not a number of 0 or more"),
        (values.TIME_ZONE, '"UTC"', "has quotes"),
        (values.TIME_ZONE, "'America/Sao_Paulo'", "has quotes"),
        (values.TIME_ZONE, "America", "not a time zone"),
        (values.TIME_ZONE, " UTC", "not a time zone"),
        (values.TIME_ZONE, "", "not a time zone"),
        (values.NETWORKS, '"192.0.2.0/24"', "has quotes"),
        (values.NETWORKS, "192.0.2.0/24,'::/0'", "has quotes"),
        (values.NETWORKS, "192.0.2.0/24;192.0.2.1/32", "is not a network, such as"),
        (values.NETWORKS, " , ", "has no network"),
        (values.PORT, '"1883"', "not a port"),
        (values.SECONDS, "1_000", "not a number above 0"),
        (values.SECONDS, " 7", "not a number above 0"),
        *((values.HOST, text, "is not a host name or address") for text in NO_HOSTS),
        *((values.NAMES, text, "is not a host name or address") for text in NO_HOSTS),
        (values.HOST, '"localhost"', "has quotes"),
        (values.NAMES, '"localhost,127.0.0.1"', "has quotes"),
        (values.NAMES, "localhost,'b.example'", "has quotes"),
        (values.NAMES, "localhost,https://b.example", "'https://b.example' is not"),
        (values.NAMES, " , ", "has no host name or address"),
        (values.NAMES, "fe80::1%eth0", "cannot name a network interface"),
        (values.TIME_ZONE, "Mars/Olympus", "'Mars/Olympus' is not a time zone"),
        (values.TIME_ZONE, "../../etc/passwd", "not a time zone"),
        (values.NETWORKS, "192.0.2.1/24", "no bits of a host"),
        (values.PLACES, "mqtt-1,mqtt-1", "mqtt-1 is named twice"),
        (values.PLACES, "mqtt-1:broker", "'broker' is not a port"),
        (values.PLACES, "[mqtt-1]", "'[mqtt-1]' is not a host name or address"),
        (values.PLACES, "[::1]", "'[::1]' is not a host name or address"),
        (values.PLACES, "1::2::3", "is not a host name or address"),
        (values.PLACES, " , ", "has no host name or address"),
        (values.PLACES, "'mqtt-1'", "has quotes"),
        (LEVEL, "loud", "'loud' is not one of debug, info"),
        (values.SWITCH, "yes", "'yes' is not one of on, off"),
    ],
)
def test_text_that_is_no_value_is_refused(kind: Kind, text: str, reason: str) -> None:
    with pytest.raises(ArgumentTypeError) as refused:
        kind.read(text)
    assert reason in str(refused.value)


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    assert values.FOLDER.read("~/network") == Path("/home/ana/network")


def test_names_are_trimmed_and_empty_ones_left_out() -> None:
    assert values.NAMES.read(" a , b,, ") == ("a", "b")


@pytest.mark.parametrize(
    "text",
    [
        "mysql://ana:secret@db/recharge",
        "postgresql:/ana:secret@db/recharge",
        "postgresql://ana:1@secret@db/recharge",
        "postgresql://ana:1/secret@db/recharge",
        "postgresql://ana:1?secret@db/recharge",
        "postgresql://ana:1#secret@db/recharge",
        "postgresql://ana:1%secret@db/recharge",
        "postgresql://ana:1'secret@db/recharge' ",
    ],
)
def test_a_database_that_is_refused_is_not_shown(text: str) -> None:
    """A password may be in it, and libpq would show a part of it."""
    with pytest.raises(values.UnusableValue) as refused:
        values.DATABASE.read(text)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://db/recharge",
        "postgres://ana:p%40ss@db1,db2:5433/recharge?target_session_attrs=any",
        "postgresql://ana@[::1]:5432/recharge",
    ],
)
def test_urls_of_databases(text: str) -> None:
    assert values.DATABASE.read(text) == text
