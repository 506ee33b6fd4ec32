"""The limits of the engine. Those with a setting can be changed; sizes are in bytes."""

from datetime import timedelta
from typing import Annotated

from msgspec import Struct

from cloud_service.config.setting import Section, Setting
from cloud_service.config.shared import TimeZone
from cloud_service.config.values import (
    COUNT,
    COUNT_OR_ZERO,
    DAYS,
    DAYS_OR_NONE,
    HOURS,
    HOURS_OR_NONE,
    MINUTES_OR_NONE,
)
from cloud_service.core.rules import DEFAULT_RULES, Rules


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


class LifeLimits(Struct, frozen=True):
    """The times of a reservation's life (contract, section 5)."""

    early_start: Annotated[
        timedelta,
        Setting(
            "early_start_minutes",
            MINUTES_OR_NONE,
            Section.RESERVATIONS,
            "how long before its reservation a session may begin, and walk-ins are refused",
        ),
    ] = DEFAULT_RULES.early_start
    no_show: Annotated[
        timedelta,
        Setting(
            "no_show_minutes",
            MINUTES_OR_NONE,
            Section.RESERVATIONS,
            "how long after its start a reservation without a session is a no-show; 0: never",
        ),
    ] = DEFAULT_RULES.no_show
    walk_in: Annotated[
        timedelta,
        Setting(
            "walk_in_hours",
            HOURS_OR_NONE,
            Section.RESERVATIONS,
            "how long a session without a reservation holds its point",
        ),
    ] = DEFAULT_RULES.walk_in
    overrun: Annotated[
        timedelta,
        Setting(
            "overrun_minutes",
            MINUTES_OR_NONE,
            Section.RESERVATIONS,
            "how long a session that overruns holds its point each time; 0: not at all",
        ),
    ] = DEFAULT_RULES.overrun
    silence: Annotated[
        timedelta,
        Setting(
            "silent_session_hours",
            HOURS_OR_NONE,
            Section.RESERVATIONS,
            "how long after its finish a session ends if its charger says nothing; 0: never",
        ),
    ] = DEFAULT_RULES.silence
    offline: Annotated[
        timedelta,
        Setting(
            "offline_minutes",
            MINUTES_OR_NONE,
            Section.RESERVATIONS,
            "how long a charger is offline before its points are out of order; 0: they never are",
        ),
    ] = DEFAULT_RULES.offline
    failure_ahead: Annotated[
        timedelta,
        Setting(
            "failure_minutes",
            MINUTES_OR_NONE,
            Section.RESERVATIONS,
            "how long before its start a reservation moves from a point that is out of order; 0: never",
        ),
    ] = DEFAULT_RULES.failure_ahead
    move_up: Annotated[
        timedelta,
        Setting(
            "move_up_minutes",
            MINUTES_OR_NONE,
            Section.RESERVATIONS,
            "by how much a flexible reservation has to start earlier to be moved; 0: none moves",
        ),
    ] = DEFAULT_RULES.move_up
    stations_considered: Annotated[
        int,
        Setting(
            "choice_stations",
            COUNT_OR_ZERO,
            Section.RESERVATIONS,
            "how many of the nearest stations objectives other than nearest look at; 0: all",
        ),
    ] = DEFAULT_RULES.stations_considered


class EngineLimits(Struct, frozen=True):
    """What the engine accepts, and how much it does at a time. `zone` is that of tariffs."""

    zone: TimeZone = None
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
    life: LifeLimits = LifeLimits()
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
    batch_work: int = 5_000
    """A batch ends once it has looked at this many stations, steps of the passing of time, and flexible
    reservations that might move (0.1 to 0.5 s)."""

    @property
    def rules(self) -> Rules:
        """What the network goes by."""
        life = {name: getattr(self.life, name) for name in self.life.__struct_fields__}
        return Rules(longest_charge=self.longest_charge, horizon=self.booking_horizon, zone=self.zone, **life)
