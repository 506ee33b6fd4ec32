"""What a service does for the others, and takes over from them."""

import logging
from datetime import timedelta
from typing import Final

from cloud_service.core.changes import Changes
from cloud_service.database.peers import Peers
from cloud_service.database.state import DatabaseState
from cloud_service.service.database_engine.hearing import Hearing
from cloud_service.service.database_engine.told_events import ToldEvents
from cloud_service.service.engine.answers import BatchResult
from cloud_service.service.engine.presence_notes import PresenceNotes

log = logging.getLogger(__name__)

MEET_EVERY: Final = timedelta(seconds=1)
"""How often a service checks on the others."""
MEET_EVERY_WHILE_HELD: Final = timedelta(seconds=0.05)


class Meetings:
    """Checks on the others: whether they have published what this service waits for, and whether they are
    alive.
    """

    def __init__(
        self, state: DatabaseState, events: ToldEvents, presence: PresenceNotes, hearing: Hearing
    ) -> None:
        self._state = state
        self._events = events
        self._presence = presence
        self._hearing = hearing
        self._next = timedelta()
        self._compare_again = False
        self._tell_again: list[Changes] = []

    def meet(self, elapsed: timedelta) -> None:
        """Checks if it is time to, by the clock that only runs forward. Raises WriteFailed."""
        if elapsed < self._next:
            return
        self._next = elapsed + (MEET_EVERY_WHILE_HELD if self._events.any_held else MEET_EVERY)
        with self._state.peers() as peers:
            self._find_leader(peers, elapsed)
            if peers.leads:
                self._tell_again_what_is_contended(peers)
                self._take_over(peers)
            self._events.release(peers)
        if not self._state.leads:
            self._follow_the_leader()

    def report(self, result: BatchResult) -> None:
        """Adds what has to be published once more."""
        result.reloaded, self._compare_again = self._compare_again, False
        result.told_again, self._tell_again = self._tell_again, []

    def _find_leader(self, peers: Peers, elapsed: timedelta) -> None:
        """Leads if nobody does, unless another service hears more of the chargers."""
        hearing = self._hearing
        peers.tell_hearing(all_brokers=hearing.all_brokers)
        if not hearing.all_brokers and hearing.has_settled(elapsed):
            hearing.compare(others_hear_all=peers.others_hear_all())
            if peers.leads and not hearing.counts:
                log.warning("another service follows the chargers' presence, because it hears all brokers")
                peers.stop_leading()
        if hearing.counts and peers.try_to_lead():
            log.info("this service compares the retained state, and follows the chargers' presence")
            self._compare_again = True
            self._presence.look_at_all()

    def _tell_again_what_is_contended(self, peers: Peers) -> None:
        contended = peers.contended()
        if contended:
            self._tell_again.append(contended)
            with self._state.reading() as reader:
                self._presence.look_again(reader.owners(contended.removed_stations))

    def _take_over(self, peers: Peers) -> None:
        """Takes over the unpublished events of services that have died."""
        buried = peers.bury()
        if buried is not None:
            log.warning("a service has died: this one tells its %d events", len(buried))
            self._events.take_over(buried)
            self._compare_again = True

    def _follow_the_leader(self) -> None:
        """This service need not remember the presence that the leader has already told the network."""
        if len(self._presence):
            with self._state.reading() as reader:
                self._presence.settle(reader.accounts(self._presence.unsettled))
