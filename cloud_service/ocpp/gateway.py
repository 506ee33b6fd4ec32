"""The chargers of this gateway: which are connected, where they stand, what the broker keeps about them."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec.structs import replace

from cloud_service.mqtt.publisher import BrokerRefused
from cloud_service.mqtt.requester import Requester
from cloud_service.ocpp.link import Link
from cloud_service.ocpp.registry import Registry
from cloud_service.protocol import ocpp
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.messages import Message
from cloud_service.protocol.ocpp import ChargerRecord, Command, Place
from cloud_service.protocol.presence import client_presence, read_presence
from cloud_service.protocol.topics import ROOT

log = logging.getLogger(__name__)

_EVENTS: Final = f"{ROOT}/event/"
LEFT_SECONDS: Final = 60.0
"""How long the chargers of a lost gateway may take to come back before they are offline."""


class OcppGateway:
    """The chargers of one process, which is `instance` of the account `name`."""

    def __init__(self, name: str, instance: str, requester: Requester, deadline: float) -> None:
        self.registry = Registry(instance, lambda: self)
        self.links: dict[str, Link] = {}
        self._name = name
        self._instance = instance
        self._requester = requester
        self._deadline = deadline
        self._tasks: set[asyncio.Task[None]] = set()
        self._present: set[str] = set()
        """Chargers whose presence says that they are online."""
        self._gone_since: dict[str, float] = {}
        """Since when other gateways are away."""

    # What links need.

    def record(self, identity: str) -> ChargerRecord:
        known = self.registry.records.get(identity)
        if known is None:
            return ChargerRecord("pending", True, self._name, datetime.now(UTC), self._instance)
        return known

    def place(self, identity: str) -> Place | None:
        return self.registry.places.get(identity)

    async def keep(self, identity: str, record: ChargerRecord) -> None:
        """Keeps the fields that say which gateway has the charger: the story may be that of an older
        connection.
        """
        now = self.record(identity)
        await self._write(
            identity,
            replace(record, online=now.online, gateway=now.gateway, instance=now.instance, since=now.since),
        )

    async def request(
        self, identity: str, action: str, values: Mapping[str, Any], request_id: str | None
    ) -> Any:
        return await self._requester.request(
            action, values, request_id=request_id, timeout=self._deadline, client=identity
        )

    def appear(self, identity: str) -> None:
        """The charger is connected and has a place: its presence says that it is online."""
        if identity in self.links and identity not in self._present:
            self._present.add(identity)
            self._start(self._tell_presence(identity, online=True))

    # Connections.

    async def connected(self, link: Link) -> None:
        """Takes a new connection: the newest one of a charger counts."""
        old, self.links[link.identity] = self.links.get(link.identity), link
        if old is not None:
            log.info("connected again; the older connection ends", extra={"client": link.identity})
            self._start(old.close("connected again"))
        place = self.place(link.identity)
        record = replace(
            self.record(link.identity),
            state="pending" if place is None else "accepted",
            online=True,
            gateway=self._name,
            instance=self._instance,
            since=datetime.now(UTC),
            version=link.version,
        )
        self._requester.connection.watch(f"{_EVENTS}{link.identity}/#")
        await self._write(link.identity, record)

    async def disconnected(self, link: Link) -> None:
        """A connection has ended. Nothing follows if the charger has another one.

        It waits only after everything is on its way, so what the charger's next connection says comes later.
        """
        if self.links.get(link.identity) is not link:
            return
        self._let_go(link.identity)
        if link.identity in self._present:
            self._present.discard(link.identity)
            self._start(self._tell_presence(link.identity, online=False))
        link.log_leniencies()
        record = replace(self.record(link.identity), online=False, leniencies=link.leniencies.all)
        await self._write(link.identity, record)

    def _let_go(self, identity: str) -> None:
        del self.links[identity]
        self._requester.connection.unwatch(f"{_EVENTS}{identity}/#")

    async def _write(self, identity: str, record: ChargerRecord) -> None:
        await self.registry.keep(self._requester.connection, identity, record)

    async def _tell_presence(self, identity: str, *, online: bool) -> None:
        through = self._name if online else None
        try:
            await self._requester.connection.publish(
                client_presence(identity, online=online, through=through)
            )
        except BrokerRefused as error:
            log.error(
                "%s: may OCPP gateways speak for %s? See `recharge accounts add --ocpp`", error, identity
            )

    # What the broker tells.

    def receive(self, message: Message) -> None:
        """Takes a message of the connection to the broker."""
        if self.registry.receive(message):
            return
        if message.topic.startswith(f"{ROOT}/service/"):
            self._note_gateway(message)
        elif message.topic.startswith(_EVENTS):
            link = self.links.get(message.topic.removeprefix(_EVENTS).partition("/")[0])
            if link is not None:
                link.story.reservations.changed()

    def placed(self, identity: str, place: Place | None) -> None:
        link = self.links.get(identity)
        if link is not None:
            self._start(link.place_changed(place))

    def recorded(self, identity: str, record: ChargerRecord) -> None:
        """Another gateway, or this one before a restart, has published a charger's record."""
        link = self.links.get(identity)
        if link is not None and record.online:
            self._let_go(identity)
            self._present.discard(identity)
            log.info("connected to %s", record.gateway, extra={"client": identity})
            self._start(link.close("connected to another gateway"))

    def commanded(self, identity: str, client: str, command: Command) -> None:
        """An operator commands a charger. If another gateway has the charger, that one answers."""
        link = self.links.get(identity)
        if link is not None:
            self._start(self._command(link, client, command))

    async def _command(self, link: Link, client: str, command: Command) -> None:
        answer = await link.command(command)
        log.info(
            "command %s of %s: %s",
            command.command[:40],
            client,
            answer.status or answer.message or "done",
            extra={"client": link.identity},
        )
        await self._requester.connection.publish(
            Message(ocpp.answer(client, link.identity), ocpp.encode(answer))
        )

    # Time.

    def broker_is_back(self) -> None:
        """The broker may have lost what was published: publishes it again."""
        for identity, link in self.links.items():
            self._requester.connection.watch(f"{_EVENTS}{identity}/#")
            link.story.reservations.changed()
            self._start(self._write(identity, self.record(identity)))
        for identity in self._present:
            self._start(self._tell_presence(identity, online=True))

    def pass_time(self, now: float) -> None:
        """Lets each charger's story follow the time, and declares those absent whose gateway has gone."""
        for link in self.links.values():
            self._start(link.pass_time())
        for name, since in list(self._gone_since.items()):
            if now - since >= LEFT_SECONDS:
                del self._gone_since[name]
                self._clear_after(name)

    def started(self, now: float) -> None:
        """Chargers that this gateway had before it was restarted have some time to come back."""
        self._gone_since[self._name] = now

    def _note_gateway(self, message: Message) -> None:
        name = message.topic.rpartition("/")[2]
        if name == self._name or not message.payload:
            return
        try:
            online = read_presence(message.payload).online
        except BadRequest:
            return
        if online:
            self._gone_since.pop(name, None)
        else:
            self._gone_since.setdefault(name, asyncio.get_running_loop().time())

    def _clear_after(self, name: str) -> None:
        """The chargers that a gateway had are offline, if they have not come back."""
        for identity, record in list(self.registry.records.items()):
            if record.online and record.gateway == name and record.instance != self._instance:
                self._start(self._write(identity, replace(record, online=False, instance=self._instance)))
                self._start(self._tell_presence(identity, online=False))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._quietly(work), name="OCPP work")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _quietly(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except ConnectionError as error:
            log.warning("%s", error)
        except Exception:
            log.exception("a fault of this gateway")
