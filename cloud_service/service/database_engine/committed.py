"""What one transaction has brought about."""

from msgspec import Struct

from cloud_service.database.writing import Written
from cloud_service.service.engine.batch import Batch


class Committed(Struct, frozen=True):
    """A batch, and what the database says of its events."""

    batch: Batch
    written: Written
