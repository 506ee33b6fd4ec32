"""The broker's figures have the names and values of sapcc's mosquitto-exporter."""

import pytest
from prometheus_client import generate_latest

from cloud_service.metrics.broker import BrokerCollector
from cloud_service.metrics.endpoint import registry
from tests.kit.scraping import Scrape


def collected(*messages: tuple[str, bytes], connected: bool = True) -> dict[str, float]:
    collector = BrokerCollector(lambda: connected)
    for topic, payload in messages:
        collector.receive(topic, payload)
    seen = Scrape(generate_latest(registry(collectors=[collector])).decode())
    return {name: value for (name, _), value in seen.samples.items() if name.startswith("broker_")}


@pytest.mark.parametrize(
    ("topic", "payload", "name", "value"),
    [
        ("$SYS/broker/bytes/received", b"4711", "broker_bytes_received", 4711),
        ("$SYS/broker/clients/connected", b"3", "broker_clients_connected", 3),
        ("$SYS/broker/load/messages/sent/1min", b"12.50", "broker_load_messages_sent_1min", 12.5),
        ("$SYS/broker/retained messages/count", b"8", "broker_retained_messages_count", 8),
        ("$SYS/broker/uptime", b"123 seconds", "broker_uptime", 123),
        ("$SYS/broker/heap/current", b"-1.25", "broker_heap_current", -1.25),
    ],
)
def test_names_and_values(topic: str, payload: bytes, name: str, value: float) -> None:
    assert collected((topic, b"0"), (topic, payload)) == {name: value}


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("$SYS/broker/version", b"mosquitto version 2.0.22"),
        ("$SYS/broker/timestamp", b"2026-01-01"),
        ("$SYS/broker/clients/active", b"3"),
        ("$SYS/broker/clients/connected", b"none"),
        ("$SYS/broker/clients/connected", b"\xff"),
        ("$SYS/broker/connection/bridge.example/state", b"1"),
        ("$SYS/somewhere/else", b"1"),
        ("recharge/v1/state/station/1", b"1"),
    ],
)
def test_what_is_no_figure_is_left_out(topic: str, payload: bytes) -> None:
    assert collected((topic, payload)) == {}


def test_without_the_broker_there_are_no_old_values() -> None:
    assert collected(("$SYS/broker/clients/connected", b"3"), connected=False) == {}
