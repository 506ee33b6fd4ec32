"""The settings of the cloud service: those of its rooms, together."""

from typing import Annotated

from msgspec import Struct

from cloud_service.accounts.settings import DataSettings
from cloud_service.config.setting import Section, Setting
from cloud_service.config.shared import ClockSettings
from cloud_service.config.values import SWITCH
from cloud_service.database.settings import StateSettings
from cloud_service.service.engine.limits import EngineLimits
from cloud_service.store.file_store import StoreOptions


class ServiceSettings(Struct, frozen=True):
    """What the cloud service is started with."""

    data: DataSettings
    limits: EngineLimits
    store: StoreOptions
    state: StateSettings
    clock: ClockSettings
    home_assistant: Annotated[
        bool,
        Setting(
            "home_assistant",
            SWITCH,
            Section.BROKER,
            "tell Home Assistant of all stations and points, by its MQTT discovery",
        ),
    ] = False
