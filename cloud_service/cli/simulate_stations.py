"""The stations of a simulation: those of a CSV export, of a database, or of the data folder."""

from datetime import UTC, datetime, tzinfo
from math import hypot
from pathlib import Path

from msgspec import Struct

from cloud_service.cli.port_options import PortOptions
from cloud_service.database.copying.reading import read_tables
from cloud_service.database.migrations import require_schema
from cloud_service.database.settings import StateLogin
from cloud_service.database.snapshot import database_snapshot
from cloud_service.language.text import TextError
from cloud_service.simulation.scenario import Place, Port, places_of
from cloud_service.store.recovery import read_folder
from cloud_service.store.snapshot import take_snapshot
from recharge.station_import.afdc import Site, read_export, to_sites
from recharge.station_import.lines import opened_lines


class NoStations(TextError):
    """There is nothing to simulate."""


class StationSource(Struct, frozen=True):
    """`file` is an export; without it, the stations are those of the database, if there is one, or those of
    the data folder.
    """

    file: Path | None
    state: StateLogin
    data_dir: Path
    centre: tuple[float, float] | None
    radius: float | None
    ports: PortOptions


def read_places(source: StationSource, zone: tzinfo | None) -> tuple[Place, ...]:
    """Returns the stations that have points. Raises NoStations if there are none, and what reading raises."""
    places = _read_all(source, zone)
    near = tuple(
        place
        for place in places
        if source.radius is None or hypot(float(place.x), float(place.y)) <= source.radius
    )
    if not near:
        raise NoStations(
            "{place} has no stations with points here; "
            "--stations takes a CSV export, and --radius may be too small",
            place=source.file or source.state.state or source.data_dir,
        )
    return near


def _read_all(source: StationSource, zone: tzinfo | None) -> tuple[Place, ...]:
    if source.file is not None:
        return _of_export(source.file, source)
    if source.state.address is not None:
        return _of_database(source.state.address)
    return _of_folder(source.data_dir, zone)


def _of_database(address: str) -> tuple[Place, ...]:
    with database_snapshot(address, "recharge simulate") as database:
        require_schema(database)
        return places_of(read_tables(database, 0))


def _of_folder(data_dir: Path, zone: tzinfo | None) -> tuple[Place, ...]:
    contents = read_folder(take_snapshot(data_dir), zone, datetime.now(UTC))
    return places_of(contents.recovered.tables)


def _of_export(file: Path, source: StationSource) -> tuple[Place, ...]:
    with opened_lines(file) as lines:
        export = read_export(lines)
    sites = to_sites(export.rows, source.centre or export.middle, source.ports.powers)
    return tuple(_place(site, source.ports) for site in sites)


def _place(site: Site, ports: PortOptions) -> Place:
    powers = [power for power, number in sorted(site.points.items()) for _ in range(number)]
    return Place(site.x, site.y, tuple(Port(power, ports.price) for power in powers))
