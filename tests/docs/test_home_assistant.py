"""What Home Assistant makes of what it is told: its own code reads the messages of a running network.

Home Assistant needs a newer Python than this network, so its code runs in Pyodide, a Python for Node.js.
"""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud_service.protocol import topics
from recharge import Charger
from tests.docs.pages import ROOT, Page
from tests.guests import HOME_ASSISTANT, INSTALL, INSTALL_HOME_ASSISTANT, MODULES, WHEELS
from tests.kit.mqtt import MqttConnection
from tests.kit.processes import Stack
from tests.kit.waiting import wait_until

NODE = shutil.which("node")
SLOW = 240
"""Seconds: reading Home Assistant's code takes ten seconds of a processor."""

pytestmark = [
    pytest.mark.skipif(
        NODE is None or not (MODULES / "pyodide").exists(), reason=f"Pyodide is missing: {INSTALL}"
    ),
    pytest.mark.skipif(
        not any(WHEELS.glob("homeassistant-*.whl")),
        reason=f"Home Assistant is missing: {INSTALL_HOME_ASSISTANT}",
    ),
]


def read_by_home_assistant(**messages: dict[str, str]) -> dict[str, Any]:
    """What it makes of each set of messages, in one process: starting it is what takes time."""
    done = subprocess.run(
        [str(NODE), str(HOME_ASSISTANT / "read_discovery.mjs"), str(WHEELS)],
        input=json.dumps(messages),
        capture_output=True,
        text=True,
        timeout=SLOW,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    return json.loads(done.stdout)


async def register(stack: Stack) -> None:
    async with Charger("ana", stack.address) as charger:
        station = await charger.register_station(1, 1, name="Praça da Sé")
        await charger.add_point(station.station_id, 22.5, 0.9)
        point = await charger.add_point(station.station_id, 50, 2)
        await charger.start_charging(station.station_id, point.point_id)


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """All that is retained in a network with a station of two points, and one of a TCP client."""
    last = "homeassistant/device/recharge/2/config"
    with Stack(tmp_path_factory.mktemp("home"), home_assistant="on") as stack:
        asyncio.run(register(stack))
        added = stack.recharge("request", "--tcp", "newChargingStation", "x_position=5", "y_position=5")
        assert added.returncode == 0, added.stderr

        def retained() -> dict[str, str]:
            with MqttConnection(stack.mqtt_port, "home") as client:
                client.subscribe("homeassistant/#", "recharge/v1/state/#", "recharge/v1/presence/#")
                client.subscribe(topics.service("cloud_service"))
                found = client.take_until(topics.service("cloud_service"))
            return {message.topic: message.payload.decode() for message in found}

        wait_until(lambda: len(retained()) == 11 and last in retained(), "everything is retained")
        with MqttConnection(stack.mqtt_port, "home") as client:
            client.subscribe(topics.service("cloud_service"))
            service = client.on(topics.service("cloud_service")).payload.decode()
        yield {**retained(), topics.service("cloud_service"): service}


@pytest.fixture(scope="module")
def both(messages: dict[str, str]) -> dict[str, Any]:
    """What is read of the messages, and of some with mistakes."""
    topic = "homeassistant/device/recharge/1_1/config"
    told = json.loads(messages[topic])
    del told["device"]["identifiers"]
    wrong = {**messages, topic: json.dumps(told), "homeassistant/device/recharge/1/config": "no JSON"}
    return read_by_home_assistant(right=messages, wrong=wrong)


@pytest.fixture(scope="module")
def read(both: dict[str, Any]) -> dict[str, Any]:
    return both["right"]


def test_it_shows_the_sensors(read: dict[str, Any]) -> None:
    assert {sensor["name"]: sensor["shows"] for sensor in read["sensors"]} == {
        "Praça da Sé Free points": "1",
        "Praça da Sé Points": "2",
        "Praça da Sé Charger": "OFF",
        "Praça da Sé Point 1 availability": "livre",
        "Praça da Sé Point 1 power": "22.5",
        "Praça da Sé Point 1 price per kWh": "0.9",
        "Praça da Sé Point 1 queue": "0",
        "Praça da Sé Point 1 charging": "OFF",
        "Praça da Sé Point 1 out of order": "OFF",
        "Praça da Sé Point 2 availability": "ocupado",
        "Praça da Sé Point 2 power": "50",
        "Praça da Sé Point 2 price per kWh": "2",
        "Praça da Sé Point 2 queue": "0",
        "Praça da Sé Point 2 charging": "ON",
        "Praça da Sé Point 2 out of order": "OFF",
        "Station 2 Free points": "0",
        "Station 2 Points": "0",
    }


def test_it_has_nothing_to_complain_about(read: dict[str, Any]) -> None:
    """No key is unknown to it, no value is wrong, and a topic that is cleared is no error."""
    assert read["warnings"] == []
    for sensor in read["sensors"]:
        assert sensor["dropped"] == []
        assert sensor["available"] == "online"
        assert sensor["cleared"] == ("OFF" if sensor["name"].endswith("Charger") else "None")


def test_a_station_is_one_device(read: dict[str, Any]) -> None:
    devices = {sensor["unique_id"].split("_")[1]: sensor["device"] for sensor in read["sensors"]}
    assert devices == {"1": ["recharge_1"], "2": ["recharge_2"]}
    identifiers = [sensor["unique_id"] for sensor in read["sensors"]]
    assert len(set(identifiers)) == len(identifiers)


def test_an_empty_message_takes_back_what_was_told_on_its_topic(read: dict[str, Any]) -> None:
    """And nothing of another point of the same station, which is the same device."""
    point = ["availability", "charging", "power", "price", "problem", "queue"]
    expected = {"1": ["free", "online", "points"], "1_1": point, "1_2": point, "2": ["free", "points"]}
    assert read["taken_back"] == {
        f"homeassistant/device/recharge/{name}/config": keys for name, keys in expected.items()
    }


def test_it_would_complain_about_a_mistake(both: dict[str, Any]) -> None:
    wrong = both["wrong"]
    assert any("at least one identifying value" in text for text in wrong["warnings"])
    assert any("Unable to parse JSON" in text for text in wrong["warnings"])
    assert len(wrong["sensors"]) == 8


def test_the_page_names_the_version(read: dict[str, Any]) -> None:
    page = Page(Path(ROOT / "docs" / "guests.md"))
    assert f"| Home Assistant | {read['version']} " in page.path.read_text()
