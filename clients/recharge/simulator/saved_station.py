"""What a charger remembers between runs: one small JSON file."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from recharge.records import Number, Point


class SavedStation(Struct, frozen=True):
    """Where the charger stands; its station's ID and its points, once it has them."""

    x: Number
    y: Number
    station_id: int | None = None
    points: tuple[Point, ...] = ()


class MemoryUnusable(Exception):
    """The file cannot be read or written. The text names it and says what to do."""


def default_file(name: str, environment: Mapping[str, str]) -> Path:
    """The file of the charger of this name, in the folder that XDG has for state."""
    state_home = environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state_home) / "recharge" / f"charger-{name}.json"


def load(file: Path) -> SavedStation | None:
    """None where the charger has never run."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=SavedStation)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise MemoryUnusable(f"cannot read {file}: {error}. Mend it, or delete it to start anew.") from None


def save(file: Path, memory: SavedStation) -> None:
    """Replaces the file as a whole: a crash leaves the old one or the new one."""
    draft = file.with_name(f"{file.name}.{os.getpid()}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as stream:
            stream.write(msgspec.json.format(msgspec.json.encode(memory), indent=4))
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    except OSError as error:
        raise MemoryUnusable(f"cannot write {file}: {error}. --state takes another place.") from None
