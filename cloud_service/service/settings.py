"""The settings of the cloud service: those of its rooms, together."""

from msgspec import Struct

from cloud_service.accounts.settings import DataSettings
from cloud_service.service.engine.limits import EngineLimits
from cloud_service.store.file_store import StoreOptions


class ServiceSettings(Struct, frozen=True):
    """What the cloud service is started with."""

    data: DataSettings
    limits: EngineLimits
    store: StoreOptions
