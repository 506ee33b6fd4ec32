"""The metrics of the cloud service."""

from typing import Annotated

from msgspec import Struct

from cloud_service.metrics.connection import ProcessFigures
from cloud_service.metrics.histogram import Distribution
from cloud_service.metrics.metric import COUNTER, GAUGE, HISTOGRAM, Counts, Distributions, Metric


class ServiceFigures(ProcessFigures, frozen=True):
    """What the loop knows at one moment."""

    requests: Annotated[
        Counts,
        Metric(
            "recharge_requests_total",
            COUNTER,
            "Requests that were answered or ended without a reply. The outcome is ok, an error code, or why"
            " there was no reply.",
            ("action", "outcome"),
        ),
    ]
    request_seconds: Annotated[
        Distributions,
        Metric(
            "recharge_request_duration_seconds",
            HISTOGRAM,
            "From the arrival of a request until its reply was sent.",
            ("action",),
        ),
    ]
    batch_requests: Annotated[
        Distribution,
        Metric("recharge_batch_requests", HISTOGRAM, "Requests that were answered together."),
    ]
    sync_seconds: Annotated[
        Distribution,
        Metric("recharge_journal_sync_duration_seconds", HISTOGRAM, "How long the disk took for a batch."),
    ]
    waiting: Annotated[
        int, Metric("recharge_waiting_requests", GAUGE, "Requests that wait for their decision.")
    ]
    request_records: Annotated[
        int, Metric("recharge_request_records", GAUGE, "Answered requests that deduplication remembers.")
    ]
    unacknowledged_events: Annotated[
        int,
        Metric(
            "recharge_outbox_batches", GAUGE, "Batches with events that the broker has not acknowledged yet."
        ),
    ]
    stale_state: Annotated[
        int,
        Metric("recharge_retained_state_stale_messages", GAUGE, "Retained messages that have to be sent."),
    ]
    stations: Annotated[int, Metric("recharge_stations", GAUGE, "Registered stations.")]
    points: Annotated[
        Counts,
        Metric("recharge_points", GAUGE, "Registered points, by availability.", ("availability",)),
    ]
    points_out_of_order: Annotated[
        int,
        Metric(
            "recharge_points_out_of_order",
            GAUGE,
            "Points that are out of order, or whose owner has been offline for too long.",
        ),
    ]
    offline_owners: Annotated[
        int,
        Metric(
            "recharge_offline_owners", GAUGE, "Owners of stations that are offline, as their presence says."
        ),
    ]
    sessions: Annotated[int, Metric("recharge_sessions", GAUGE, "Charging sessions that are under way.")]
    reservations: Annotated[int, Metric("recharge_reservations", GAUGE, "Scheduled reservations.")]
    ended: Annotated[
        Counts,
        Metric(
            "recharge_reservations_ended_total",
            COUNTER,
            "Reservations that have ended: completed, cancelled or noShow.",
            ("state",),
        ),
    ]
    moves: Annotated[
        Counts,
        Metric(
            "recharge_reservation_moves_total",
            COUNTER,
            "Reservations that have moved to another time or point, by the reason of their event.",
            ("reason",),
        ),
    ]
    due_steps: Annotated[
        int,
        Metric(
            "recharge_due_steps_total",
            COUNTER,
            "What the passing of time has decided: finishes, no-shows, moves, and sessions that last longer.",
        ),
    ]
    booking_wait_seconds: Annotated[
        Distribution,
        Metric(
            "recharge_booking_wait_seconds", HISTOGRAM, "From a booking to the start of the charge it is for."
        ),
    ]
    store_writable: Annotated[
        bool,
        Metric("recharge_store_writable", GAUGE, "0 after a write or a sync failed, until one succeeds."),
    ]
    checkpoint_age: Annotated[
        float | None,
        Metric(
            "recharge_checkpoint_age_seconds",
            GAUGE,
            "Since the last checkpoint. It grows while nothing is written, because none is due.",
        ),
    ]
    checkpoint_seconds: Annotated[
        float | None,
        Metric("recharge_checkpoint_duration_seconds", GAUGE, "How long the last checkpoint took."),
    ]
    failed_checkpoints: Annotated[
        int, Metric("recharge_checkpoint_failures_total", COUNTER, "Checkpoints that failed.")
    ]


class FolderFigures(Struct, frozen=True):
    """What the disk says at the moment of a scrape."""

    journal_bytes: Annotated[
        int, Metric("recharge_journal_size_bytes", GAUGE, "The size of the journal's segments.")
    ]
    free_bytes: Annotated[
        int, Metric("recharge_data_free_bytes", GAUGE, "Free space on the data folder's disk.")
    ]
