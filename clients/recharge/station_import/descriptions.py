"""What an export says of a station for people: its name, its address, and the connectors of its ports."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from cloud_service.protocol.connectors import Connector
from cloud_service.protocol.requests import LONGEST_ADDRESS, LONGEST_NAME
from recharge.records import Point

NAME: Final = "Station Name"
STREET: Final = "Street Address"
CITY: Final = "City"
STATE: Final = "State"
ZIP: Final = "ZIP"
COUNTRY: Final = "Country"
CONNECTORS: Final = "EV Connector Types"
OPTIONAL: Final = (NAME, STREET, CITY, STATE, ZIP, COUNTRY, CONNECTORS)

BLANK: Final = frozenset(("", "nan", "na", "n/a", "<na>", "none", "null"))
"""How programs that process tables write a cell that has no value."""

_TESLA: Final = "TESLA"
_BY_KIND: Final[tuple[Mapping[str, Connector], ...]] = (
    {"NEMA520": "NEMA_5_20", "NEMA515": "DOMESTIC_B", "J1772": "IEC_62196_T1"},
    {"J1772": "IEC_62196_T1", "NEMA1450": "NEMA_14_50", _TESLA: "TESLA_S"},
    {"J1772COMBO": "IEC_62196_T1_COMBO", "CHADEMO": "CHADEMO", _TESLA: "TESLA_S"},
)
"""The connectors that level 1, level 2 and fast ports have, from the codes of an export to those of OCPI."""


def read_name(values: Mapping[str, str]) -> str | None:
    """The station's name; None if the row has none."""
    return _text(values, NAME)[:LONGEST_NAME] or None


def read_address(values: Mapping[str, str]) -> str | None:
    """The address in one line, of the parts that the row has; None if it has none."""
    region = " ".join(filter(None, (_text(values, STATE), _text(values, ZIP).removesuffix(".0"))))
    parts = (_text(values, STREET), _text(values, CITY), region, _text(values, COUNTRY))
    return ", ".join(filter(None, parts))[:LONGEST_ADDRESS] or None


def read_connectors(values: Mapping[str, str], ports: Sequence[int]) -> tuple[tuple[Connector, ...], ...]:
    """The connector of each level 1, level 2 and fast port; none for a kind of which the row names none.

    A row says which connectors a station has, and not which port has which: each kind of port takes those
    that it can have in turn. Tesla's is that of the fast ports, if there are any.
    """
    codes = set(re.split(r"[\s,;|]+", values.get(CONNECTORS, "").upper()))
    dealt = []
    for kind, (known, count) in enumerate(zip(_BY_KIND, ports, strict=True)):
        fast_has_tesla = kind < 2 and ports[2] > 0
        choices = [
            connector
            for code, connector in known.items()
            if code in codes and not (code == _TESLA and fast_has_tesla)
        ]
        dealt.append(tuple(choices[number % len(choices)] for number in range(count)) if choices else ())
    return tuple(dealt)


class MissingConnectors:
    """Which of the connectors that a file names for one kind of port the network's points do not have."""

    def __init__(self, wanted: Iterable[Connector], existing: Iterable[Point]) -> None:
        self._left = list(wanted)
        self._bare = []
        for point in existing:
            if point.connector is None:
                self._bare.append(point)
            elif point.connector in self._left:
                self._left.remove(point.connector)

    def for_existing(self) -> list[tuple[Point, Connector]]:
        """The points without a connector, with the one that each is to have."""
        found = list(zip(self._bare, self._left, strict=False))
        del self._left[: len(found)]
        return found

    def next(self) -> Connector | None:
        """The connector of a point that is added after that; None if there are no more."""
        return self._left.pop(0) if self._left else None


def _text(values: Mapping[str, str], column: str) -> str:
    """The cell in one line, without what cannot be printed; nothing if it has no value."""
    text = "".join(letter if letter.isprintable() else " " for letter in values.get(column, ""))
    text = " ".join(text.split())
    return "" if text.casefold() in BLANK else text
