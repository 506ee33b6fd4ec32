"""The state in which a reservation leaves the queues. Events that formats 1 to 3 wrote do not have it."""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from cloud_service.core.changes import Event, EventType
from cloud_service.core.records import State
from cloud_service.store.journal import Batch

LAST_STATES: Final[Mapping[EventType, State]] = {
    "reservationCancelled": "cancelled",
    "reservationFinished": "completed",
    "reservationNoShow": "noShow",
}
"""By the event with which it leaves."""


def with_last_state(event: Event) -> Event:
    """The event, in which a reservation that ended is in its last state."""
    state = LAST_STATES.get(event.type)
    if state is None:
        return event
    return replace(event, reservation=replace(event.reservation, state=state))


def with_last_states(batch: Batch) -> Batch:
    """The batch, with the last state in each of its events."""
    return replace(
        batch,
        changes=tuple(
            replace(changes, events=tuple(map(with_last_state, changes.events))) for changes in batch.changes
        ),
    )
