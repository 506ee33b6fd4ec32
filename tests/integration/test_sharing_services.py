"""Services that share the requests of one broker: each has one answer, also while a service ends."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.sharing_service import sharing_service
from tests.kit.mqtt import MqttClient
from tests.kit.pausing import paused
from tests.kit.processes import Broker, Process
from tests.kit.waiting import wait_until

PRESENCE = "recharge/v1/service/cloud_service"
FEW = 50
MANY = 1_000


class Sharing:
    """Two services, and a client that asks them."""

    def __init__(self, broker: Broker, services: list[Process], client: MqttClient) -> None:
        self.broker = broker
        self.services = services
        self.client = client

    def send(self, first: int, count: int) -> None:
        """Sends requests with these numbers, without waiting for anything."""
        for number in range(first, first + count):
            self.client.send_soon("findReservation", {"vid": "v", "requestID": f"{number}"})

    def answered(self) -> list[str]:
        """The requests that were answered, once for each reply."""
        return [json.loads(reply.payload)["requestID"] for reply in self.client.arrived("recharge/v1/reply/")]

    def wait_for(self, count: int) -> None:
        wait_until(lambda: len(self.answered()) >= count, f"{count} requests are answered")
        assert sorted(self.answered(), key=int) == [str(number) for number in range(count)]


def requests_in(log: Path) -> int:
    return log.read_text().count("findReservation")


@pytest.fixture
def sharing(tmp_path: Path) -> Iterator[Sharing]:
    with Broker(tmp_path / "broker") as broker:
        services = [sharing_service(tmp_path, broker, instance) for instance in ("a", "b")]
        for service in services:
            service.start()
        try:
            for service in services:
                wait_until(
                    lambda log=service.log: "connected to the broker" in log.read_text(), "it is there"
                )
            with MqttClient(broker.port, "operator") as client:
                assert client.subscribe(PRESENCE) == [True]
                yield Sharing(broker, services, client)
        finally:
            for service in services:
                if service.running:
                    service.kill()


def test_each_request_has_one_answer_of_one_of_them(sharing: Sharing) -> None:
    sharing.send(0, FEW)
    sharing.wait_for(FEW)
    wait_until(lambda: sum(shares(sharing)) == FEW, "all requests are in a log")
    assert min(shares(sharing)) > 0


def shares(sharing: Sharing) -> list[int]:
    """How many requests each service has logged, which it does after its replies."""
    return [requests_in(service.log) for service in sharing.services]


def test_none_is_lost_with_one_that_is_stopped(sharing: Sharing) -> None:
    """It leaves the others first, and answers what was on its way to it."""
    stopped = sharing.services[0]
    with paused(stopped):
        sharing.send(0, MANY)
        wait_until(lambda: len(sharing.answered()) >= MANY // 2, "the other one has answered its share")
        os.kill(stopped.pid, signal.SIGTERM)
    assert stopped.stop() == 0
    sharing.send(MANY, FEW)
    sharing.wait_for(MANY + FEW)
    assert requests_in(stopped.log) == MANY // 2


def test_while_one_lives_the_service_is_online(sharing: Sharing) -> None:
    sharing.client.take()
    sharing.services[0].kill()

    said = [json.loads(sharing.client.on(PRESENCE).payload)["online"]]
    while said[-1] is not False:
        said.append(json.loads(sharing.client.on(PRESENCE).payload)["online"])
    assert json.loads(sharing.client.on(PRESENCE).payload)["online"] is True
    sharing.send(0, FEW)
    sharing.wait_for(FEW)
    with MqttClient(sharing.broker.port, "monitor") as late:
        assert late.subscribe(PRESENCE) == [True]
        assert json.loads(late.on(PRESENCE).payload)["online"] is True


def test_the_last_one_leaves_it_offline(sharing: Sharing) -> None:
    for service in sharing.services:
        assert service.stop() == 0
    with MqttClient(sharing.broker.port, "monitor") as late:
        assert late.subscribe(PRESENCE) == [True]
        assert json.loads(late.on(PRESENCE).payload)["online"] is False


def test_nobody_makes_them_talk_without_end(sharing: Sharing) -> None:
    """On an open broker, anybody can say that the service is offline."""
    sharing.client.take()
    for _ in range(100):
        sharing.client.publish_soon(PRESENCE, b'{"online": false}')
    sharing.send(0, FEW)
    sharing.wait_for(FEW)
    own = [
        message
        for message in sharing.client.arrived(PRESENCE)
        if b"version" in message.payload and json.loads(message.payload)["online"]
    ]
    assert len(own) < 100, "without a limit, each of them would have answered each of the messages"
