"""The effects of one transaction."""

from msgspec import Struct

from cloud_service.database.writing import Written
from cloud_service.service.engine.batch import Batch


class Committed(Struct, frozen=True):
    """A batch, and what the database says about its events."""

    batch: Batch
    written: Written
