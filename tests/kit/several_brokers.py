"""A cloud service with several brokers, and clients at each of them."""

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cloud_service.local import presence
from tests.kit.mqtt import MqttClient, MqttConnection
from tests.kit.processes import Broker, Process, clean_environment
from tests.kit.waiting import DEADLINE


def service_process(folder: Path, brokers: Sequence[Broker], **settings: str) -> Process:
    """A service on a data folder in this one, which was not started yet."""
    environment = clean_environment(
        RECHARGE_DATA_DIR=str(folder / "data"),
        RECHARGE_MQTT_HOST=",".join(f"127.0.0.1:{broker.port}" for broker in brokers),
        **{f"RECHARGE_{name.upper()}": value for name, value in settings.items()},
    )
    words = [sys.executable, "-m", "cloud_service", "service"]
    return Process("service", words, folder / "service.log", environment)


class SeveralBrokers:
    """Two running brokers and one service: `with SeveralBrokers(folder) as network:`."""

    def __init__(self, folder: Path, **settings: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.brokers = [Broker(folder / f"broker-{number}") for number in (1, 2)]
        self.service = service_process(folder, self.brokers, **settings)
        self._clients = ExitStack()
        self._known: dict[tuple[int, str], MqttClient] = {}

    def __enter__(self) -> Self:
        try:
            for broker in self.brokers:
                broker.start()
            self.start_service()
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clients.close()
        status = self.service.stop() if error is None and self.service.running else 0
        self._kill()
        assert status == 0, self.service.tail()
        assert "Traceback" not in self.service.tail(), self.service.tail()

    def start_service(self) -> None:
        """Starts the service and waits until it takes requests at each broker that runs."""

        async def start() -> None:
            async with asyncio.timeout(DEADLINE), AsyncExitStack() as watches:
                running = [broker for broker in self.brokers if broker.running]
                watching = [
                    await watches.enter_async_context(presence.watch(broker.address)) for broker in running
                ]
                self.service.start()
                online = asyncio.gather(*(watch.online("cloud_service") for watch in watching))
                while not online.done():
                    self.service.check()
                    await asyncio.wait([online], timeout=0.05)

        asyncio.run(start())

    def client(self, broker: int, name: str, subscriptions: Sequence[str] = ()) -> MqttClient:
        """The client of this name at the broker with this index."""
        client = self._known.get((broker, name))
        if client is None:
            client = self._clients.enter_context(MqttClient(self.brokers[broker].port, name))
            self._known[broker, name] = client
        if subscriptions:
            assert all(client.subscribe(*subscriptions))
        return client

    def _kill(self) -> None:
        for process in (self.service, *self.brokers):
            if process.running:
                process.kill()


def retained(client: MqttConnection) -> dict[str, Any]:
    """What the state topics say, to which the client has subscribed, without the times of its sending."""
    states: dict[str, Any] = {}
    for message in client.arrived("recharge/v1/state/"):
        states.pop(message.topic, None)
        if message.payload:
            states[message.topic] = {**json.loads(message.payload), "updated": None}
    return states
