"""A service in this process with the model beside it: both get the same requests, and have to say the same.

The service stands on a folder in memory that can fail, and can be stopped, killed and started again.
"""

import errno
import json
import re
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from math import isclose
from pathlib import Path
from typing import Any, Literal

from cloud_service.core.tables import Tables
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from cloud_service.service.engine.answers import BatchResult
from cloud_service.service.engine.engine import Engine
from cloud_service.service.engine.interface import NetworkEngine
from cloud_service.service.engine.limits import EngineLimits
from cloud_service.store.file_store import FileStore, StoreOptions
from cloud_service.store.frozen_folder import FrozenFolder
from cloud_service.store.names import SEGMENTS
from cloud_service.store.verify import examine
from tests.faults.traffic import START
from tests.kit.model.answers import Model, Outcome, Request
from tests.kit.model.network import Network
from tests.kit.model.records import Record, Refused, Reservation, Told
from tests.kit.simulated_disk import SimulatedFolder

NOBODY = Request("monitor", "findReservation", {"vid": "nobody"})
"""A read that has the service try again what a failing disk refused."""
MOST_BATCHES = 1_000
"""Far more than anything takes that happens at one moment."""
COMPUTED = ("price", "kWhPrice", "distance", "wait", "duration")
"""Keys whose numbers may be off by a rounding where a tariff or a root is in them."""
ONLY_IN_LISTS_OF_POINTS = ("operational", "tariff")
"""Keys of which the contract says nothing in a list; they may stand there."""

Trouble = Literal["append", "sync"]


class FailingJournal:
    """Has the next operations of one kind on the journal fail."""

    def __init__(self) -> None:
        self.kind: Trouble | None = None
        self.left = 0
        self.failed = 0

    def __call__(self, operation: str, name: str) -> OSError | None:
        if not self.left or operation != self.kind or not SEGMENTS.fullmatch(name):
            return None
        self.left -= 1
        self.failed += 1
        return OSError(errno.EIO, "as the test wants it")


class BesideModel:
    """Asks both, and raises AssertionError where they differ."""

    def __init__(self) -> None:
        self.now = START
        self.model = Model()
        self.ended: list[Reservation] = []
        self.agrees = True
        """Whether no difference has been found so far."""
        self.trouble = FailingJournal()
        self._folder = SimulatedFolder(trouble=self.trouble)
        self._seen: set[tuple[str, bytes]] = set()
        """The events that the broker has got so far."""
        self._open()

    def ask(self, *requests: Request) -> list[Any]:
        """Sends requests of different clients in one batch. Returns the answers that both give."""
        self.agrees = False
        asked = requests or (() if self.engine.writable else (NOBODY,))
        before, failed = self.model.network.copy(), self.trouble.failed
        sequence = self._last_batch
        result = self._work(asked)
        if self.trouble.failed == failed:
            outcome = self.model.turn(self.now, *asked)
            self._compare_answers(asked, outcome.answers, result)
            self._committed(outcome)
        else:
            self._compare_refusals(before, asked, result)
            self.model.network, after = before, self._decided(before, asked)
            if self.trouble.kind == "sync":
                self._recover(sequence, after)
            outcome = Outcome(answers=[None for _ in asked])
        self.compare_tables()
        self.agrees = True
        return outcome.answers

    def note_presence(self, owner: str, online: bool | None) -> None:
        """What the service hears on the topic of a client's presence; None: it was cleared."""
        self.trouble.left = 0
        self.ask()
        self.agrees = False
        self.engine.note_presence(owner, online is not False, self.now)
        self._work(())
        self._committed(self.model.note_presence(owner, online, self.now))
        self.compare_tables()
        self.agrees = True

    def pass_time(self, passed: timedelta) -> None:
        self.now += passed
        self.ask()
        self.trouble.left = 0
        self.engine.maintain(self.now)

    def restart(self) -> None:
        """Stops it in order."""
        self.trouble.left = 0
        self.ask()
        self.engine.close(self.now)
        self._reopen(self._folder.files())

    def crash(self, kept: bool) -> None:
        """Kills it and cuts the power, with or without what no sync had confirmed."""
        image = self._folder.image()
        for operation in list(self._folder.log):
            image.apply(operation)
        self._reopen(image.survivors(kept))

    def end(self) -> None:
        """Stops it, and looks whether each reservation that has ended is in the history once."""
        self.restart()
        files = self._folder.files()
        rows = [
            json.loads(line)
            for name, data in files.items()
            if name.startswith("history-")
            for line in data.splitlines()
        ]
        found = Counter(history_key(row["reservation"] | {"state": last_state(row)}) for row in rows)
        expected = Counter(history_key(each.told()) for each in self.ended)
        assert found == expected, f"in the history only: {found - expected}; missing: {expected - found}"
        assert examine(FrozenFolder(Path("folder"), files), None, self.now).findings == []

    def compare_tables(self) -> None:
        tables, network = self.tables, self.model.network
        for name, found, kept in (
            ("stations", tables.stations, network.stations),
            ("points", tables.points, network.points),
        ):
            assert_same(
                {key: each.public() for key, each in found.items()},
                {key: each.public() for key, each in kept.items()},
                f"the {name} of the service",
            )
        held = {key: {**each.public(), "state": each.state} for key, each in tables.reservations.items()}
        expected = {each.key: each.told() for each in network.reservations.values()}
        assert_same(held, expected, "the reservations of the service")

    @property
    def tables(self) -> Tables:
        """The records that the service has."""
        assert isinstance(self.engine, Engine)
        return self.engine.network.tables

    def _open(self) -> None:
        self.store = FileStore(self._folder, StoreOptions(checkpoint_seconds=3600))
        self.engine: NetworkEngine = Engine(self.store, EngineLimits(), self.now)

    def _reopen(self, files: dict[str, bytes]) -> None:
        self.trouble.left = 0
        self.agrees = False
        self._folder = SimulatedFolder(files, trouble=self.trouble)
        self._start_again()

    def _start_again(self) -> None:
        """Nothing is told then that has not been told before."""
        self._open()
        seen = set(self._seen)
        late = set(self._take_events()) - seen
        assert not late, f"told only after a restart: {late}"
        self.ask()

    @property
    def _last_batch(self) -> int:
        return self.store.sequence

    def _work(self, requests: Sequence[Request]) -> BatchResult:
        for number, request in enumerate(requests):
            body = json.dumps(request.values).encode()
            message = Message(topics.request(request.action, request.client), body)
            self.engine.take_in(message, number, self.now.timestamp())
        return self._work_off()

    def _work_off(self) -> BatchResult:
        """Works until nothing is left: what has moved in a batch and has to move away waits for the next."""
        whole = self.engine.work(self.now)
        rounds = 0
        while self.engine.writable and not whole.reloaded:
            rounds += 1
            assert rounds < MOST_BATCHES, f"still busy after {rounds} batches, at {self.now}"
            result = self.engine.work(self.now)
            if not result.changes and not result.answers:
                break
            whole.answers += result.answers
            whole.changes = [*whole.changes, *result.changes]
        return whole

    def _compare_answers(self, asked: Sequence[Request], expected: list[Any], result: BatchResult) -> None:
        replies = {answer.delivery: answer.reply for answer in result.answers}
        for number, (request, answer) in enumerate(zip(asked, expected, strict=True)):
            assert_same(_read(request, replies[number]), answer, f"the answer to {request}")

    def _compare_refusals(self, before: Network, asked: Sequence[Request], result: BatchResult) -> None:
        """While a write fails, reads are answered, and see nothing of what the others wanted."""
        reads = [request for request in asked if not request.changes]
        answers = iter(Model(before.copy()).while_refusing(self.now, *reads))
        expected = [Refused("STORAGE") if request.changes else next(answers) for request in asked]
        self._compare_answers(asked, expected, result)
        assert not self._take_events(), "told before it was on disk"

    def _decided(self, before: Network, asked: Sequence[Request]) -> tuple[Network, Outcome]:
        model = Model(before.copy())
        outcome = model.first_batch(self.now, *asked)
        return model.network, outcome

    def _recover(self, sequence: int, after: tuple[Network, Outcome]) -> None:
        """After a failed sync nobody knows: the batch is there as a whole, or not at all."""
        self.trouble.left = 0
        elsewhere = {"x_position": 99, "y_position": 99}
        refused = self._work((Request("operator", "newChargingStation", elsewhere),))
        assert not refused.changes, "a change was made while nobody knows what is on disk"
        for _ in range(20):
            self.now += timedelta(seconds=5)
            if self._work(()).reloaded:
                break
        else:
            raise AssertionError("the service did not recover")
        if self._last_batch > sequence:
            self.model.network = after[0]
            self._committed(after[1])
        self.ask()

    def _committed(self, outcome: Outcome) -> None:
        self.ended += outcome.ended
        expected = [(topic, told) for told in outcome.told for topic in _topics(told)]
        found = [(topic, json.loads(body)) for topic, body in self._take_events()]
        rest = list(found)
        for topic, told in expected:
            matching = [each for each in rest if each[0] == topic and _tells(each[1], told)]
            assert matching, f"not told on {topic}: {told}; told: {rest}"
            rest.remove(matching[0])
        assert not rest, f"told, but did not happen: {rest}; expected: {expected}"
        in_order = all(
            topic == other and _tells(body, told)
            for (topic, body), (other, told) in zip(found, expected, strict=True)
        )
        assert in_order, f"told in another order: {found}; expected: {expected}"

    def _take_events(self) -> list[tuple[str, bytes]]:
        """What the service tells, in its order. The broker acknowledges all of it at once."""
        taken = []
        for outgoing in self.engine.take_events(10_000):
            taken.append((outgoing.message.topic, outgoing.message.payload))
            self.engine.acknowledged(outgoing.receipt)
        self._seen.update(taken)
        return taken


def assert_same(found: Any, expected: Any, what: str) -> None:
    assert _same(found, expected), f"{what}: {found!r}, but the model has {expected!r}"


def _same(found: Any, expected: Any, key: object = None) -> bool:
    if isinstance(found, dict) and isinstance(expected, dict):
        return found.keys() == expected.keys() and all(
            _same(value, expected[name], name) for name, value in found.items()
        )
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(_same, found, expected))
    if key in COMPUTED:
        return isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(expected, Refused):
        return isinstance(found, Refused) and str(found) == str(expected)
    return type(found) is type(expected) and bool(found == expected)


def _read(request: Request, reply: Message | None) -> Any:
    """The result, or the error's code."""
    assert reply is not None, f"{request} got no reply"
    body = json.loads(reply.payload)
    if not body["ok"]:
        return Refused(body["error"]["code"])
    result = body["result"]
    if request.action == "receiveAllChargingPoints" and not request.client.startswith("gateway"):
        return [_without(ONLY_IN_LISTS_OF_POINTS, point) for point in result]
    return result


def _without(keys: Sequence[str], record: Record) -> Record:
    return {key: value for key, value in record.items() if key not in keys}


def _topics(told: Told) -> list[str]:
    """Those of the vehicle's account and of the owners of the stations, as far as they are accounts."""
    legacy, vehicle = told.vehicle
    names = dict.fromkeys(told.owners if legacy else [*told.owners, vehicle])
    accounts = [name for name in names if re.fullmatch("[A-Za-z0-9_-]{1,64}", name)]
    return [topics.event(name, told.type) for name in accounts if name.split("-")[0] != "gateway"]


def _tells(body: Record, told: Told) -> bool:
    return (
        (body["type"], body["at"], body["reason"]) == (told.type, told.at.isoformat(), told.reason)
        and _same(body["reservation"], told.reservation)
        and _same(body.get("before"), told.before)
    )


def last_state(row: Record) -> str:
    return str(row["reservation"].get("state") or row.get("state"))


def history_key(reservation: Record) -> tuple[Any, ...]:
    names = ("chargingStationID", "chargingPointID", "reservationID", "vehicleID", "startDateTime", "state")
    return tuple(reservation[name] for name in names)
