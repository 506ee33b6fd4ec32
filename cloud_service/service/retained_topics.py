"""Retained messages that follow the network, and their comparison with those that the broker has.

Many changes of one thing become one message. Reconciliation compares what the broker has with the network,
and marks what is missing, wrong or superfluous (docs/decisions/0006-retained-state-by-comparison.md).
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from cloud_service.core.changes import Changes
from cloud_service.core.network import Network
from cloud_service.core.view import NetworkUnreadable
from cloud_service.protocol.messages import Message

Subject = TypeVar("Subject", bound=Hashable)


class RetainedTopics(ABC, Generic[Subject]):
    """Which messages of one kind are stale, and have to be sent. A subject is what a message is about."""

    name: str
    """A part of the client ID with which they are read."""
    filters: tuple[str, ...]
    """What to subscribe to in order to read them."""

    def __init__(self) -> None:
        self._stale: dict[Subject, None] = {}
        self._confirmed: set[Subject] | None = None
        self._mark = b""

    def __len__(self) -> int:
        return len(self._stale)

    @property
    def needed(self) -> bool:
        """Whether there should be any."""
        return True

    def note(self, changes: Changes) -> None:
        """Marks what these changes affect."""
        self._stale.update(dict.fromkeys(self._affected(changes)))

    def note_withdrawn(self, message: Message) -> None:
        """Marks what a message is about that was published, and did not reach the broker."""
        subject = self._subject(message.topic)
        if subject is not None:
            self._stale[subject] = None

    def take(self, network: Network, most: int, now: datetime) -> list[Message]:
        """Takes at most `most` stale messages. An empty payload clears what no longer exists."""
        subjects = [subject for subject, _ in zip(self._stale, range(most), strict=False)]
        network.load(map(self._station_of, subjects))
        for subject in subjects:
            del self._stale[subject]
        try:
            messages = [self._message(network, subject, now) for subject in subjects]
        except NetworkUnreadable:
            self._stale.update(dict.fromkeys(subjects))
            raise
        return [message for message in messages if message is not None]

    def begin_reconciliation(self, mark: bytes) -> None:
        """Expects all retained messages of the broker, and then this mark."""
        self._confirmed, self._mark = set(), mark

    def trust(self) -> None:
        """Takes what the broker has for right: another service compares it."""
        self._confirmed = None

    def prepare(self, network: Network, messages: Iterable[Message]) -> None:
        """Has everything loaded with which these messages will be compared."""
        subjects = filter(None, (self._subject(message.topic) for message in messages))
        network.load(map(self._station_of, subjects))

    def compare(self, network: Network, message: Message) -> None:
        """Takes a retained message of the broker: either it is right, or it is marked as stale."""
        subject = self._subject(message.topic)
        if subject is None or not message.payload or self._confirmed is None:
            return
        if self._is_right(network, subject, message):
            self._confirmed.add(subject)
        else:
            self._stale[subject] = None

    def end_reconciliation(self, network: Network, mark: bytes) -> bool:
        """Takes the mark: all retained messages have arrived, so what was not among them is missing.

        Returns False if the mark is that of an earlier reconciliation, and does nothing else.
        """
        if self._confirmed is None or mark != self._mark:
            return False
        confirmed = self._confirmed
        self._stale.update((subject, None) for subject in self._all(network) if subject not in confirmed)
        self._confirmed = None
        return True

    @abstractmethod
    def _affected(self, changes: Changes) -> Iterable[Subject]:
        """What changes with these changes, and perhaps more."""

    @abstractmethod
    def _all(self, network: Network) -> Iterable[Subject]:
        """Everything about which there should be a message."""

    @abstractmethod
    def _subject(self, topic: str) -> Subject | None:
        """What the topic is about, or None if it is not one of these topics."""

    @abstractmethod
    def _station_of(self, subject: Subject) -> int:
        """The ID of the station that a subject belongs to."""

    @abstractmethod
    def _message(self, network: Network, subject: Subject, now: datetime) -> Message | None:
        """The message of this moment, or None if none has to be sent."""

    @abstractmethod
    def _is_right(self, network: Network, subject: Subject, message: Message) -> bool:
        """Whether the message that the broker has is the one that it should have."""


def read_object(payload: bytes) -> dict[str, Any] | None:
    """The JSON object that a payload is, or None if it is none."""
    try:
        found = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
