"""docs/guests.md: programs of others show the network with the configurations of the page."""

import asyncio
import json
import shutil
import subprocess
import tomllib
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment

from cloud_service.accounts.rights import access_list
from recharge import Charger, Vehicle
from tests.docs.pages import ROOT, Page
from tests.guests import INSTALL, MODULES
from tests.kit.mqtt import MqttConnection
from tests.kit.processes import HOST, Process, Stack, clean_environment, free_port
from tests.kit.waiting import DEADLINE, wait_until

PAGE = Page(ROOT / "docs" / "guests.md")
EXAMPLES = ROOT / "docs" / "examples" / "guests"
EXPORTER = shutil.which("prometheus-mqtt-exporter")
NODE = shutil.which("node")
NODE_RED = MODULES / "node-red" / "red.js"


def retained(network: Stack, topic: str, count: int) -> list[tuple[str, dict[str, Any]]]:
    words = ["mosquitto_sub", "-p", str(network.mqtt_port), "-v", "-C", str(count), "-W", "30", "-t", topic]
    text = subprocess.check_output(words, text=True, timeout=DEADLINE)
    pairs = (line.split(" ", 1) for line in text.splitlines())
    return [(topic, json.loads(body)) for topic, body in pairs]


def book(network: Stack) -> None:
    async def go() -> None:
        async with Vehicle("guest-vehicle", network.address) as vehicle:
            await vehicle.book(0, 0, 20, 40)

    asyncio.run(go())


async def name_a_station(network: Stack) -> None:
    async with Charger("guest-charger", network.address) as charger:
        await charger.register_station(80, 80, name="Praça da Sé")


def series(address: str) -> dict[str, float]:
    try:
        with urllib.request.urlopen(address, timeout=DEADLINE) as reply:
            lines = reply.read().decode().splitlines()
    except OSError:  # it does not listen yet
        return {}
    rows = (line.rsplit(" ", 1) for line in lines if line.startswith("recharge_"))
    return {name: float(value) for name, value in rows}


@pytest.mark.skipif(EXPORTER is None, reason="needs Debian's package prometheus-mqtt-exporter")
def test_the_exporter_shows_the_points(network: Stack, tmp_path: Path) -> None:
    """The series are those that the page shows, and they follow a booking."""
    file, port = tmp_path / "mqtt-exporter.yaml", free_port()
    settings = yaml.safe_load((EXAMPLES / "mqtt-exporter.yaml").read_text())
    settings["mqtt"]["server"] = f"tcp://{HOST}:{network.mqtt_port}"
    file.write_text(yaml.safe_dump(settings))
    words = [str(EXPORTER), "-config", str(file), "-listen-address", HOST, "-listen-port", str(port)]
    exporter = Process("exporter", words, tmp_path / "exporter.log")
    exporter.start()
    shown = next(block.text for block in PAGE.blocks if block.text.startswith("recharge_point_free"))
    names = [line.rsplit(" ", 1)[0] for line in shown.splitlines()]
    try:

        def values() -> list[float | None]:
            exporter.check()
            found = series(f"http://{HOST}:{port}/metrics")
            return [found.get(name) for name in names]

        wait_until(lambda: values() == [1, 22, 0.9, 0], "the exporter shows the free point")
        book(network)
        wait_until(lambda: values() == [0, 22, 0.9, 1], "the exporter shows the booked point")
    finally:
        exporter.kill()


@pytest.mark.skipif(NODE is None or not NODE_RED.exists(), reason=f"Node-RED is missing: {INSTALL}")
def test_the_flow_runs_in_node_red(network: Stack, tmp_path: Path) -> None:
    flow = json.loads((EXAMPLES / "node-red.json").read_text())
    for node in flow:
        if node["type"] == "mqtt-broker":
            node["port"] = str(network.mqtt_port)
    (tmp_path / "flows.json").write_text(json.dumps(flow))
    (tmp_path / "settings.js").write_text(
        f"module.exports = {{uiHost: '{HOST}', uiPort: {free_port()}, flowFile: 'flows.json',"
        " telemetry: {enabled: false, updateNotification: false}};"
    )
    words = [
        str(NODE),
        str(NODE_RED),
        "--userDir",
        str(tmp_path),
        "--settings",
        str(tmp_path / "settings.js"),
    ]
    log = tmp_path / "node-red.log"
    node_red = Process("node-red", words, log, clean_environment())
    node_red.start()
    try:

        def said(text: str) -> bool:
            node_red.check()
            return text in log.read_text()

        wait_until(lambda: said("Connected to broker"), "Node-RED has connected")
        book(network)
        wait_until(lambda: said("Point 1 of station 1 is reservado."), "the flow shows the booked point")
        assert "is livre" not in log.read_text()
    finally:
        node_red.kill()


def _telegraf_line(settings: dict[str, Any], topic: str, body: dict[str, Any]) -> str:
    """What the rules of the configuration make of a message, as Telegraf's documentation describes them.

    A path is taken for a key: in GJSON, other characters have a meaning.
    """
    [rule], [parser] = settings["topic_parsing"], settings["json_v2"]
    assert all(entry["path"].isalpha() for entry in (*parser["tag"], *parser["field"]))
    words = topic.split("/")
    parts = {name: dict(zip(rule[name].split("/"), words, strict=True)) for name in ("measurement", "tags")}
    tags = {key: value for key, value in parts["tags"].items() if key != "_"}
    tags |= {tag["path"]: body[tag["path"]] for tag in parser["tag"]}
    if topic_tag := settings.get("topic_tag", "topic"):
        tags[topic_tag] = topic
    fields = []
    for field in parser["field"]:
        value = body[field["path"]]
        assert isinstance(value, int | float)
        fields.append(f"{field['path']}={value:g}{'i' if field['type'] == 'int' else ''}")
    head = [parts["measurement"]["measurement"], *(f"{key}={value}" for key, value in sorted(tags.items()))]
    return f"{','.join(head)} {','.join(fields)}"


def test_telegrafs_rules_fit_the_messages(network: Stack) -> None:
    [settings] = tomllib.loads((EXAMPLES / "telegraf.conf").read_text())["inputs"]["mqtt_consumer"]
    [topic] = settings["topics"]
    messages = dict(retained(network, topic, 3))
    lines = [_telegraf_line(settings, *message) for message in messages.items()]
    shown = next(block.text.strip() for block in PAGE.blocks if block.text.startswith("point,"))
    assert shown in lines
    assert len(set(lines)) == 3
    assert all(body[settings["json_v2"][0]["timestamp_path"]] for body in messages.values())


def _rendered(template: str, body: dict[str, Any]) -> str:
    return Environment(autoescape=True).from_string(template).render(value_json=body)


def test_home_assistants_sensors_show_a_point(network: Stack) -> None:
    """Their keys are those that Home Assistant documents, and their templates fit real messages."""
    platforms = yaml.safe_load((EXAMPLES / "home-assistant.yaml").read_text())["mqtt"]
    sensors = [sensor for platform in platforms for rows in platform.values() for sensor in rows]
    documented = {"name", "unique_id", "state_topic", "value_template", "availability_topic", "device"}
    documented |= {"availability_template", "device_class", "unit_of_measurement", "state_class"}
    shown = {}
    for sensor in sensors:
        assert set(sensor) <= documented
        assert set(sensor["device"]) == {"identifiers", "name", "manufacturer"}
        [(_, body)] = retained(network, sensor["state_topic"], 1)
        [(_, presence)] = retained(network, sensor["availability_topic"], 1)
        assert _rendered(sensor["availability_template"], presence) == "online"
        shown[sensor["unique_id"]] = _rendered(sensor["value_template"], body)
    assert shown == {
        "recharge_1_1_free": "ON",
        "recharge_1_1_availability": "livre",
        "recharge_1_1_queue": "0",
        "recharge_1_1_power": "22",
    }


@pytest.fixture
def filters() -> list[str]:
    block = next(block for block in PAGE.blocks if block.text.startswith("recharge/v1/state/#"))
    return block.text.split()


def test_a_monitor_may_subscribe_to_the_trees(filters: list[str]) -> None:
    rights = access_list("monitor", "monitor-explorer")
    allowed = {entry["topic"] for entry in rights if entry["acltype"] == "subscribePattern"}
    assert set(filters) <= allowed


def test_the_tree_has_the_points_below_their_station(network: Stack, filters: list[str]) -> None:
    async def two_points() -> int:
        async with Charger("guest-charger", network.address) as charger:
            station = await charger.register_station(70, 70)
            for _ in range(2):
                await charger.add_point(station.station_id, 11, 0.5)
            return station.station_id

    station = asyncio.run(two_points())
    assert "recharge/v1/state/#" in filters
    messages = retained(network, f"recharge/v1/state/point/{station}/#", 2)
    assert sorted(topic.rsplit("/", 2)[1:] for topic, _ in messages) == [
        [f"{station}", "1"],
        [f"{station}", "2"],
    ]
    assert all(isinstance(body["queueLength"], int) for _, body in messages)


def test_every_message_in_the_trees_is_one_that_both_can_show(network: Stack, filters: list[str]) -> None:
    """A JSON object in UTF-8, which they show as JSON, on a topic without an empty level."""
    with MqttConnection(network.mqtt_port, "explorer") as explorer:
        assert all(explorer.subscribe(*filters))
        asyncio.run(name_a_station(network))
        book(network)
        messages = [explorer.expect(lambda message: "/event/" in message.topic, "the event of the booking")]
        named = explorer.expect(lambda message: "Praça da Sé".encode() in message.payload, "the name")
        messages += [named, *explorer.arrived()]
    assert {message.topic.split("/")[2] for message in messages} == {"state", "presence", "service", "event"}
    for message in messages:
        assert all(message.topic.split("/")), message.topic
        assert isinstance(json.loads(message.payload.decode()), dict), message.topic
