"""Bookings of vehicles that wait for their reply and then the next one books: the service is never idle."""

import json
import socket
import threading
from collections.abc import Sequence
from itertools import count
from random import Random
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from cloud_service.protocol import topics
from tests.kit.processes import HOST

Place = tuple[float, float]
_vehicles = count(1)


class Bookings:
    """Keeps so many bookings under way, each of another vehicle at one of the places."""

    def __init__(self, port: int, places: Sequence[Place], waiting: int) -> None:
        self.booked = 0
        self.refused: list[Any] = []
        self._places = places
        self._waiting = waiting
        self._random = Random(waiting)
        self._sent: set[str] = set()
        self._more = True
        self._idle = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, "operator")
        self._client.max_inflight_messages_set(0)
        self._client.on_message = self._receive
        self._client.connect(HOST, port)
        connection = self._client.socket()
        assert isinstance(connection, socket.socket)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> "Bookings":
        ready = threading.Event()
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.subscribe(topics.reply("operator"), qos=1)
        self._client.loop_start()
        assert ready.wait(60), "the broker has not granted the replies"
        for _ in range(self._waiting):
            self._book()
        return self

    def __exit__(self, *_: object) -> None:
        """Waits for the last replies."""
        self._more = False
        assert self._idle.wait(120), f"{len(self._sent)} bookings were not answered"
        self._client.disconnect()
        self._client.loop_stop()

    def _book(self) -> None:
        number = next(_vehicles)
        x, y = self._random.choice(self._places)
        name = f"booking-{number}"
        need = {"actualBatteryPercentage": 90, "batteryCapacity": 50}
        body = {"vid": f"vehicle-{number}", "x": x, "y": y, **need, "requestID": name}
        self._sent.add(name)
        self._client.publish(
            topics.request("scheduleReservation", "operator"), json.dumps(body).encode(), qos=1
        )

    def _receive(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        reply = json.loads(message.payload)
        if reply["requestID"] not in self._sent:
            return  # delivered twice
        self._sent.discard(reply["requestID"])
        if reply["ok"]:
            self.booked += 1
        else:
            self.refused.append(reply["error"])
        if self._more:
            self._book()
        elif not self._sent:
            self._idle.set()
