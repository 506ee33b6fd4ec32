"""How a service takes requests: all of them, or its share of those that several services take together."""

from typing import Final

from msgspec import Struct

from cloud_service.mqtt.polling_connection import NEVER_EXPIRES
from cloud_service.protocol import topics
from cloud_service.protocol.actions import ACTIONS, request_topics
from cloud_service.protocol.roles import SERVICE


class Membership(Struct, frozen=True):
    """As whom a service connects to its brokers, and what it subscribes to there."""

    client_id: str
    subscriptions: tuple[str, ...]
    session_expiry: int
    """In seconds. 0: the broker forgets the session with its connection."""
    shared: bool
    """Whether others take requests too. Of two services that do not share them, the younger one ends."""


ALONE: Final = Membership(SERVICE, tuple(request_topics(ACTIONS)), NEVER_EXPIRES, shared=False)
"""Requests wait at the broker while the service is away."""


def member(instance: str) -> Membership:
    """One of several services. `instance` distinguishes it from the others.

    Mosquitto hands out requests in turn, also to a member that is away if its session lasts. So it does not
    last: what nobody has acknowledged is asked again by its client.
    """
    subscriptions = tuple(map(topics.shared, request_topics(ACTIONS)))
    return Membership(f"{SERVICE}-{instance}", subscriptions, session_expiry=0, shared=True)
