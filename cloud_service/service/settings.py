"""What the cloud service is started with."""

from pathlib import Path

from msgspec import Struct

from cloud_service.mqtt.address import BrokerAddress


class ServiceSettings(Struct, frozen=True):
    """What the cloud service is started with. Sizes are in bytes."""

    data_dir: Path
    audit_file: Path | None = None
    """None is audit.jsonl in the data folder."""
    broker: BrokerAddress = BrokerAddress()
    time_zone: str | None = None
    """IANA name of the zone of dates without an offset; None is the machine's."""
    max_charge_days: float = 30.0
    max_result_bytes: int = 2**20
    remember_hours: float = 24.0
    remember_per_client: int = 100_000
    remember_in_all: int = 250_000
    pending_per_client: int = 2_000
    pending_in_all: int = 8_000
    checkpoint_seconds: float = 300.0
    checkpoint_bytes: int = 64 * 2**20
