"""Settings that more than one room has."""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Struct

from cloud_service.config.setting import Section, Setting
from cloud_service.config.values import FOLDER, TIME_ZONE, TIMES

TimeZone = Annotated[
    ZoneInfo | None,
    Setting(
        "time_zone",
        TIME_ZONE,
        Section.PLACES,
        "time zone of dates without an offset, in TCP replies and in the old server's files",
    ),
]
"""None is the machine's time zone."""


class DataFolder(Struct, frozen=True):
    """Where the network's files are."""

    data_dir: Annotated[
        Path, Setting("data_dir", FOLDER, Section.PLACES, "folder of the network's files")
    ] = Path("data")


class ClockSettings(Struct, frozen=True):
    """How fast time passes in the network."""

    clock_speed: Annotated[
        float,
        Setting(
            "clock_speed",
            TIMES,
            Section.RESERVATIONS,
            "how many times as fast time passes in the network; for demonstrations only",
        ),
    ] = 1.0
