"""What the broker keeps for all gateways: where chargers stand, and what is known about each of them."""

import logging
from collections.abc import Callable
from typing import Protocol

from cloud_service.protocol import ocpp
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.messages import Message
from cloud_service.protocol.ocpp import ChargerRecord, Command, Place

log = logging.getLogger(__name__)

TOPICS = (ocpp.place("+"), ocpp.charger("+"), ocpp.command("+", "+"))


class Broker(Protocol):
    """The part of a connection that the registry uses."""

    async def publish(self, message: Message) -> None: ...


class Listener(Protocol):
    """Is told what others publish about chargers."""

    def placed(self, identity: str, place: Place | None) -> None: ...

    def recorded(self, identity: str, record: ChargerRecord) -> None: ...

    def commanded(self, identity: str, client: str, command: Command) -> None: ...


class Registry:
    """Follows the topics of OCPP, and tells the listener of changes. `instance` is this process."""

    def __init__(self, instance: str, listener: Callable[[], Listener]) -> None:
        self._instance = instance
        self.places: dict[str, Place] = {}
        self.records: dict[str, ChargerRecord] = {}
        self._listener = listener

    def receive(self, message: Message) -> bool:
        """Takes note of a message. Returns False if it is not about OCPP."""
        parsed = ocpp.parse_topic(message.topic)
        if parsed is None:
            return False
        kind, identity, client = parsed
        try:
            match kind:
                case "place":
                    self._place(identity, message.payload)
                case "charger":
                    self._record(identity, message.payload)
                case "command":
                    assert client is not None
                    self._listener().commanded(identity, client, ocpp.read_command(message.payload))
        except BadRequest as error:
            log.warning("ignored a message on %s: %s", message.topic, error.message)
        return True

    async def keep(self, broker: Broker, identity: str, record: ChargerRecord) -> None:
        """Publishes what is known about a charger. Returns when the broker has it."""
        self.records[identity] = record
        await broker.publish(Message(ocpp.charger(identity), ocpp.encode(record), retain=True))

    def _place(self, identity: str, payload: bytes) -> None:
        if not payload:
            self.places.pop(identity, None)
            self._listener().placed(identity, None)
            return
        place = ocpp.read_place(payload)
        self.places[identity] = place
        self._listener().placed(identity, place)

    def _record(self, identity: str, payload: bytes) -> None:
        if not payload:
            self.records.pop(identity, None)
            return
        record = ocpp.read_charger(payload)
        # a record that we have written ourselves may be older than what we know
        if record.instance != self._instance:
            self.records[identity] = record
            self._listener().recorded(identity, record)
