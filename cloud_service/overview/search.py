"""Finds stations by what people know about them."""

from functools import lru_cache
from unicodedata import combining, normalize

from cloud_service.overview.station import Station


def has_text(station: Station, text: str) -> bool:
    """Whether a station's ID, name, address or a connector has this text, whatever its case and accents."""
    wanted = _plain(text)
    return any(wanted in _plain(known) for known in _texts(station))


def _texts(station: Station) -> list[str]:
    place = station.place
    described = [] if place is None else [place.name, place.address]
    described += [point.connector for point in station.points.values()]
    return [str(station.number), *filter(None, described)]


@lru_cache(maxsize=100_000)
def _plain(text: str) -> str:
    """Without accents and in lower case: `sao joao` for `São João`."""
    return "".join(letter for letter in normalize("NFD", text) if not combining(letter)).lower()
