"""Plays a transcript of requests and replies: sends what it asks, and writes down what comes back.

A transcript is text. `who > ...` is sent or asked for, `who < ...` came back, `#` begins a comment:

    charger-a > newChargingStation id=a-1 {"x_position": 1, "y_position": 2}     a request over MQTT 5
    charger-b(3.1.1) > findReservation {"requestID": "b-1"}                      a request over MQTT 3.1.1
    tcp > {"findReservation": true, "vid": 7}                                    a request over TCP
    events > 2                         the next two events
    retained > recharge/v1/state/#     the retained messages, once they change no more

Before a body, `id`, `reply` and `expiry` are MQTT 5's Correlation Data, Response Topic and Message Expiry
Interval, and `retain` sets the flag. Each moment has a name; `...` stands for what may differ between runs.
"""

import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from paho.mqtt.client import MQTTMessage

from tests.kit.mqtt import MqttClient, Version
from tests.kit.people import connected
from tests.kit.target import Role, Target
from tests.kit.tcp import TcpClient
from tests.kit.waiting import DEADLINE

FILE = Path(__file__).with_name("transcript.txt")
REQUEST = re.compile(r"(?P<action>\S+) (?P<options>(?:\S+=\S+ |retain )*)(?P<body>.*)")
PROPERTIES = {"id": "CorrelationData", "reply": "ResponseTopic", "expiry": "MessageExpiryInterval"}
LAST = "last"
"""The ID of a question after each request. What comes before its reply belongs to the request."""
QUIET_SECONDS = 1.5
"""Retained state is published within a second of a change, the contract says."""
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?")
VOLATILE = re.compile(r'("(?:message|updated|version|since|now)":)"(?:[^"\\]|\\.)*"')


class Player:
    """A run of a transcript against a new network, whose IDs begin at 1."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._clients: dict[str, MqttClient] = {}
        self._times: dict[str, str] = {}
        self._events = connected(target, "monitor-events", "monitor", "mqtt5", ["recharge/v1/event/#"])

    def play(self, transcript: str) -> str:
        """The transcript as it happened this time."""
        lines = []
        for line in transcript.splitlines():
            who, direction, text = line.partition(" > ")
            if direction and not line.startswith("#"):
                lines += [line, *(self._steady(f"{who} < {came}") for came in self._came(who, text))]
            elif " < " not in line or line.startswith("#"):
                lines.append(line)
        return "\n".join(lines) + "\n"

    def close(self) -> None:
        for client in (self._events, *self._clients.values()):
            client.close()

    def _came(self, who: str, text: str) -> Iterator[str]:
        if who == "tcp":
            yield from TcpClient(self._target, "tcp").text(text.encode()).splitlines()
        elif who == "events":
            yield from map(described, self._events.take(int(text)))
        elif who == "retained":
            yield from map(described, self._retained(text))
        else:
            yield from self._replies(who, text)

    def _replies(self, who: str, text: str) -> Iterator[str]:
        name, _, version = who.removesuffix(")").partition("(")
        client = self._client(name, "mqtt311" if version else "mqtt5")
        request = REQUEST.fullmatch(text)
        assert request is not None, f"not a request: {text}"
        options = dict(option.partition("=")[::2] for option in request["options"].split())
        retain = options.pop("retain", None) is not None
        properties = {PROPERTIES[key]: _property(key, value) for key, value in options.items()}
        client.send(request["action"], request["body"].encode(), retain=retain, **properties)
        question = {"chargingStationID": 1, "requestID": LAST}
        client.send("receiveAllReservations", question)
        client.expect(_is_last, "the reply to the last question")
        messages = client.take()
        yield from map(described, messages)
        if not messages:
            yield "(no reply)"

    def _client(self, name: str, version: Version) -> MqttClient:
        if name not in self._clients:
            role: Role = "vehicle" if name.startswith("vehicle") else "charger"
            self._clients[name] = connected(self._target, name, role, version)
        return self._clients[name]

    def _retained(self, topic_filter: str) -> list[MQTTMessage]:
        """Looks again until two looks, one quiet time apart, are the same."""
        end = time.monotonic() + DEADLINE
        before = self._look(topic_filter)
        while True:
            time.sleep(QUIET_SECONDS)  # nothing says that no more is published
            now = self._look(topic_filter)
            if list(map(described, now)) == list(map(described, before)):
                return now
            assert time.monotonic() < end, f"{topic_filter} keeps changing"
            before = now

    def _look(self, topic_filter: str) -> list[MQTTMessage]:
        """Retained messages come before anything that is published to a topic below the same subscription."""
        client = connected(self._target, "monitor-look", "monitor", "mqtt5", [topic_filter])
        try:
            client.subscribe(marker := f"recharge/v1/presence/{client.name}")
            client.publish(marker, b"{}")
            client.on(marker)
            return sorted(client.take(), key=lambda message: message.topic)
        finally:
            client.close()

    def _steady(self, line: str) -> str:
        """The line with a name for each moment, and without what may differ from run to run."""
        line = VOLATILE.sub(r'\1"..."', line)
        return TIME.sub(
            lambda found: self._times.setdefault(found[0], f"<time {len(self._times) + 1}>"), line
        )


def described(message: MQTTMessage) -> str:
    """A message in a line: its topic, flags, MQTT 5 properties and payload."""
    properties = message.properties.json() if message.properties else {}
    shown = [f"{key}={_flat(value)}" for key, value in sorted(properties.items())]
    flags = [f"qos={message.qos}", *(["retain"] if message.retain else []), *shown]
    return f"{message.topic} {' '.join(flags)} {message.payload.decode()}"


def _flat(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _property(key: str, value: str) -> bytes | str | int:
    return value.encode() if key == "id" else int(value) if key == "expiry" else value


def _is_last(message: MQTTMessage) -> bool:
    body = json.loads(message.payload)
    return "ok" in body and bool(body["requestID"] == LAST)


def main() -> None:
    """Records a new transcript from a running network with an empty data folder."""
    host, mqtt_port, tcp_port = sys.argv[1:]
    player = Player(Target(host, int(mqtt_port), host, int(tcp_port)))
    try:
        FILE.write_text(player.play(FILE.read_text()))
    finally:
        player.close()


if __name__ == "__main__":
    main()
