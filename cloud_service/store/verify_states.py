"""Checks that each reservation that ended is in the state that its last event says."""

from collections.abc import Iterable, Iterator

from cloud_service.core.changes import EventType
from cloud_service.core.records import ReservationKey, State
from cloud_service.language.text import Text
from cloud_service.store.journal import Batch
from cloud_service.store.labels import label_of
from cloud_service.store.last_states import LAST_STATES
from cloud_service.store.verify_ids import events_of


def wrong_state(key: ReservationKey, event: EventType, state: State | None) -> Text | None:
    """What is wrong with a reservation that ended in this state; None if nothing is.

    Without a state, an older version has written it.
    """
    if state in (None, LAST_STATES.get(event)):
        return None
    return Text(
        "{reservation} has ended with {event}, and its state is {state}",
        reservation=label_of(key),
        event=event,
        state=state,
    )


def find_wrong_states(batches: Iterable[Batch]) -> Iterator[Text]:
    """A text for each reservation that left the queues in a state that its event does not lead to."""
    for event in events_of(batches):
        if event.type in LAST_STATES:
            problem = wrong_state(event.reservation.key, event.type, event.reservation.state)
            if problem is not None:
                yield problem
