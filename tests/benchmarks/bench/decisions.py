"""What decisions cost by themselves, without a broker or a disk, in processor time."""

import gc
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path

import msgspec

from cloud_service.core.network import Network
from cloud_service.protocol import topics
from cloud_service.protocol.incoming import Incoming, receive
from cloud_service.protocol.messages import Message
from cloud_service.protocol.replies import OK
from cloud_service.service.engine.batch import Batch
from cloud_service.service.engine.decider import Decider
from cloud_service.service.engine.deduplication import Deduplication
from cloud_service.service.engine.handlers import bind_handlers
from cloud_service.service.engine.limits import EngineLimits
from tests.benchmarks.bench.load import CLIENT
from tests.benchmarks.bench.networks import Shape
from tests.benchmarks.bench.results import Results, Row
from tests.benchmarks.bench.scenarios import SMALL, Effort

_BATCH = 200


def decisions(results: Results, effort: Effort, folder: Path) -> None:
    """Deciding, applying and answering, in batches, in a small network and in a large one."""
    for shape in (SMALL, Shape(stations=effort.stations, queued=2, queue=1)):
        for action, values in _costs(shape, effort).items():
            name = f"decision of `{action}` with {shape.stations:,} stations"
            results.rows.append(Row(name, "µs", values, "lower"))
        gc.unfreeze()


def _costs(shape: Shape, effort: Effort) -> dict[str, list[float]]:
    """Microseconds of a decision of each action, by rounds."""
    network = _DecidingNetwork(shape)
    gc.collect()
    gc.freeze()  # as the service does after its start
    bodies = {
        "scheduleReservation": shape.bookings(count(1)),
        "findReservation": (msgspec.json.encode({"vid": vehicle}) for vehicle in count(1)),
        "newChargingStation": (
            msgspec.json.encode({"x_position": place, "y_position": -1_000}) for place in count(1)
        ),
    }
    return {
        action: [network.microseconds(action, islice(each, effort.requests)) for _ in range(effort.rounds)]
        for action, each in bodies.items()
    }


class _DecidingNetwork:
    """A network with a decider."""

    def __init__(self, shape: Shape) -> None:
        limits = EngineLimits()
        self._now = datetime.now(UTC)
        self._network = Network(shape.tables(self._now), limits.rules)
        self._decider = Decider(
            self._network,
            Deduplication(limits.deduplication),
            bind_handlers(limits.rules),
            limits.max_result_bytes,
        )

    def microseconds(self, action: str, bodies: Iterable[bytes]) -> float:
        """Processor time of a decision, the mean over these requests. All of them succeed."""
        requests = [_read(action, body, number) for number, body in enumerate(bodies)]
        begun = time.process_time()
        for at in range(0, len(requests), _BATCH):
            self._decide(requests[at : at + _BATCH])
        return (time.process_time() - begun) / len(requests) * 1e6

    def _decide(self, requests: list[Incoming]) -> None:
        with Batch(self._network, self._now) as batch:
            for incoming in requests:
                outcome = self._decider.decide(incoming, batch, self._now, may_change=True)
                assert outcome.status == OK, outcome.body
                batch.outcomes.append((incoming, outcome))
                batch.let_time_pass()
            batch.keep()


def _read(action: str, body: bytes, number: int) -> Incoming:
    topic, reply_topic = topics.request(action, CLIENT), topics.reply(CLIENT)
    correlation = f"{action}-{number}".encode()
    return receive(Message(topic, body, correlation=correlation, response_topic=reply_topic), 0.0)
