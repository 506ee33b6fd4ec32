"""The limits of the engine. Those with a setting can be changed; sizes are in bytes."""

from datetime import timedelta
from typing import Annotated

from msgspec import Struct

from cloud_service.config.setting import Section, Setting
from cloud_service.config.values import COUNT, DAYS, DAYS_OR_NONE, HOURS


class DeduplicationLimits(Struct, frozen=True):
    """How long requests are remembered, and how many: the newest of each client, and in all."""

    age: Annotated[
        timedelta,
        Setting("remember_hours", HOURS, Section.SERVICE_LIMITS, "how long requests are remembered"),
    ] = timedelta(hours=24)
    per_client: Annotated[
        int,
        Setting("remember_per_client", COUNT, Section.SERVICE_LIMITS, "requests remembered of one client"),
    ] = 100_000
    in_all: Annotated[
        int, Setting("remember_in_all", COUNT, Section.SERVICE_LIMITS, "requests remembered in all")
    ] = 250_000


class EngineLimits(Struct, frozen=True):
    """What the engine accepts, and how much it does at a time."""

    longest_charge: Annotated[
        timedelta,
        Setting("max_charge_days", DAYS, Section.SERVICE_LIMITS, "the longest charge that can be booked"),
    ] = timedelta(days=30)
    booking_horizon: Annotated[
        timedelta,
        Setting(
            "booking_horizon_days",
            DAYS_OR_NONE,
            Section.SERVICE_LIMITS,
            "how far ahead a charge may start; 0: no limit",
        ),
    ] = timedelta(days=30)
    max_result_bytes: Annotated[
        int, Setting("max_result_bytes", COUNT, Section.SERVICE_LIMITS, "the largest result of a request")
    ] = 2**20
    deduplication: DeduplicationLimits = DeduplicationLimits()
    pending_per_client: Annotated[
        int,
        Setting(
            "pending_per_client", COUNT, Section.SERVICE_LIMITS, "waiting requests per client before BUSY"
        ),
    ] = 2_000
    pending_in_all: Annotated[
        int, Setting("pending_in_all", COUNT, Section.SERVICE_LIMITS, "waiting requests in all before BUSY")
    ] = 8_000
    pending_bytes_in_all: int = 16 * 2**20
    pending_bytes_per_client: int = 4 * 2**20
    refused_bytes: int = 32 * 2**20
    """The most bytes of refusals waiting to be sent; beyond it, requests get no reply."""
    batch_requests: int = 256
    """A batch has no more requests than this."""
    batch_bytes: int = 4 * 2**20
    """A batch ends once its replies have this size."""
    batch_visits: int = 5_000
    """A batch ends once its bookings have looked at this many stations (about 0.1 s)."""
