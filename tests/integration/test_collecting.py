"""While an engine waits for another service, the loop takes in what arrives, if the engine asks for it."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Thread

from cloud_service.accounts.audit_log import AuditLog
from cloud_service.protocol import topics
from cloud_service.protocol.roles import SERVICE
from cloud_service.service.clock import Pace, system_clock
from cloud_service.service.engine.answers import BatchResult
from cloud_service.service.engine.engine import Engine
from cloud_service.service.engine.limits import EngineLimits
from cloud_service.service.loop import ServiceLoop
from cloud_service.service.measurements import Measurements
from cloud_service.service.stop_signal import StopSignal
from tests.kit.in_memory_store import InMemoryStore
from tests.kit.mqtt import MqttConnection
from tests.kit.processes import Broker
from tests.kit.waiting import wait_until

CLIENT = "post-1"
REQUEST = topics.request("newChargingStation", CLIENT)


class WaitingEngine(Engine):
    """Waits with its first request until a second one has been taken in."""

    def __init__(self, client: MqttConnection) -> None:
        super().__init__(InMemoryStore(), EngineLimits(), system_clock().wall)
        self._client = client
        self.batches: list[int] = []

    def work(
        self, now: datetime, clients_time: datetime | None = None, collect: Callable[[], None] | None = None
    ) -> BatchResult:
        assert collect is not None
        if len(self) and not self.batches:
            self._client.publish(REQUEST, b'{"x_position": 2, "y_position": 2}')
            wait_until(lambda: collect() or len(self) == 2, "the second request has been taken in")
        result = super().work(now, clients_time)
        if result.answers:
            self.batches.append(len(result.answers))
        return result


def test_what_arrives_while_an_engine_waits_is_decided_with_the_rest(tmp_path: Path) -> None:
    start, stop = system_clock(), StopSignal()
    with Broker(tmp_path) as broker, MqttConnection(broker.port, CLIENT) as client:
        engine = WaitingEngine(client)
        loop = ServiceLoop(
            engine,
            [broker.address],
            AuditLog(tmp_path / "audit.jsonl"),
            system_clock,
            start,
            Measurements(start.wall),
            pace=Pace(start.wall),
            home_assistant=False,
        )
        running = Thread(target=loop.run, args=[stop])
        running.start()
        try:
            client.subscribe(topics.service(SERVICE))
            client.next()
            client.publish(REQUEST, b'{"x_position": 1, "y_position": 1}')
            wait_until(lambda: engine.batches, "the requests have been answered")
        finally:
            stop.receive(0, None)
            running.join()
            stop.close()
    assert engine.batches == [2]
    assert len(engine.network.tables.stations) == 2
