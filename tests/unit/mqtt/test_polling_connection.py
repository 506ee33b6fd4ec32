"""The polling connection with a real broker that is killed, refuses it, or has a client of the same name."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.poller import Poller
from cloud_service.mqtt.polling_connection import PollingConnection
from cloud_service.mqtt.session import Delivery
from cloud_service.protocol.messages import Message
from tests.kit.processes import Broker, Process
from tests.kit.secured import SecuredBroker
from tests.kit.waiting import wait_until

GOODBYE = Message("test/presence", b"gone")


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that the test may end."""
    with Broker(tmp_path / "broker") as broker:
        yield broker


class Program:
    """A loop with a connection."""

    def __init__(self, address: BrokerAddress, name: str = "program", *, acknowledging: bool = True) -> None:
        self.heard: list[bytes] = []
        self.deliveries: list[Delivery] = []
        self.published: list[Any] = []
        self.ready = 0
        self._acknowledging = acknowledging
        self.poller = Poller()
        self.connection = PollingConnection(
            address,
            name,
            self.poller,
            subscriptions=["test/polling"],
            will=GOODBYE,
            on_message=self._receive,
            on_published=self.published.append,
            on_ready=self._become_ready,
        )

    def poll_until(self, condition: Callable[[], Any], what: str) -> None:
        def turn() -> Any:
            self.poller.poll(0.02)
            return condition()

        wait_until(turn, what)

    def close(self) -> None:
        self.poller.close(GOODBYE, 2.0)

    def _receive(self, message: Message, delivery: Delivery) -> None:
        self.heard.append(message.payload)
        self.deliveries.append(delivery)
        if self._acknowledging:
            self.connection.acknowledge(delivery)

    def _become_ready(self) -> None:
        self.ready += 1


def test_messages_come_and_go_and_receipts_come_back(broker: Broker) -> None:
    program = Program(broker.address)
    for number in range(500):
        program.connection.publish(Message("test/polling", b"%d" % number), number)
    program.poll_until(lambda: len(program.heard) == len(program.published) == 500, "all came back")
    assert program.heard == [b"%d" % number for number in range(500)]
    assert program.published == list(range(500))
    assert (program.connection.outstanding, program.connection.outstanding_bytes) == (0, 0)
    program.close()
    assert not program.connection.ready


def test_what_was_not_acknowledged_is_delivered_again(broker: Broker) -> None:
    first = Program(broker.address, "delivered-again", acknowledging=False)
    first.connection.publish(Message("test/polling", b"once more"))
    first.poll_until(lambda: first.heard, "it was delivered")
    first.close()
    second = Program(broker.address, "delivered-again")
    second.poll_until(lambda: second.heard, "it was delivered again")
    assert second.heard == [b"once more"]
    second.close()


def test_it_comes_back_after_a_killed_broker_and_loses_nothing(
    own_broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    program = Program(own_broker.address)
    program.poll_until(lambda: program.ready, "it is ready")
    own_broker.kill()
    program.poll_until(lambda: not program.connection.ready, "it noticed")
    for number in range(50):
        program.connection.publish(Message("test/polling", b"%d" % number), number)
    program.poll_until(lambda: "cannot be reached" in caplog.text, "it tried")
    Process.start(own_broker)
    program.poll_until(lambda: program.ready == 2 and len(program.heard) == 50, "all came")
    assert program.heard == [b"%d" % number for number in range(50)]
    program.close()


def test_a_refused_login_is_tried_again(secured: SecuredBroker, caplog: pytest.LogCaptureFixture) -> None:
    wrong = msgspec.structs.replace(secured.address_of("gateway"), password="wrong")
    program = Program(wrong, "gateway-polling")
    program.poll_until(lambda: caplog.text.count("refused the login: Not authorized") == 3, "it tried again")
    assert caplog.text.count("; next attempt in 0.") == 3
    program.close()


def test_a_second_client_of_its_name_is_guessed(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    first, second = Program(broker.address, "twice"), Program(broker.address, "twice")

    def guessed() -> bool:
        second.poller.poll(0)
        return "is there a second twice at this broker?" in caplog.text

    with caplog.at_level(logging.WARNING):
        first.poll_until(guessed, "one of them guessed it")
    first.close()
    second.close()


def test_a_missing_certificate_is_an_error_at_the_start(broker: Broker, tmp_path: Path) -> None:
    address = msgspec.structs.replace(broker.address, ca_file=tmp_path / "missing.pem")
    with pytest.raises(OSError, match=r"missing\.pem"):
        Program(address)
