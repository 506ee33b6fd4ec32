"""What a charger saves between runs: one small JSON file."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from recharge.records import Number, Point


class SavedStation(Struct, frozen=True):
    """The station's location in kilometres and, once it is registered, its ID and its points."""

    x: Number
    y: Number
    station_id: int | None = None
    points: tuple[Point, ...] = ()


class SavedStationError(Exception):
    """The file cannot be read, is not valid, or cannot be written."""

    def __init__(self, file: Path, failed: Literal["read", "write"], cause: Exception) -> None:
        remedy = "repair or delete it" if failed == "read" else "choose another file with --state"
        super().__init__(f"cannot {failed} {file}: {cause}; {remedy}")
        self.file = file
        self.failed = failed
        self.cause = cause


def default_file(name: str, environment: Mapping[str, str]) -> Path:
    """Returns the file of the charger with this name, in the folder for state of the XDG specification."""
    state_home = environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state_home) / "recharge" / f"charger-{name}.json"


def load(file: Path) -> SavedStation | None:
    """Reads the file. Returns None without one; raises SavedStationError when it cannot be used."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=SavedStation)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise SavedStationError(file, "read", error) from error


def save(file: Path, station: SavedStation) -> None:
    """Replaces the whole file, so that a crash leaves the old one or the new one."""
    draft = file.with_name(f"{file.name}.{os.getpid()}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as stream:
            stream.write(msgspec.json.format(msgspec.json.encode(station), indent=4))
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    except OSError as error:
        raise SavedStationError(file, "write", error) from error
