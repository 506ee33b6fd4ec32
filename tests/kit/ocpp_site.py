"""The place of a charger with OCPP, as an operator and everybody else see it."""

import json
from itertools import count, takewhile
from typing import Any

from tests.kit.mqtt import MqttClient
from tests.kit.processes import Stack
from tests.kit.waiting import wait_until

_numbers = count(70_001)


class Site:
    """A charger's place, with two points, far from all others."""

    def __init__(self, stack: Stack) -> None:
        number = next(_numbers)
        self.identity = f"post-{number}"
        self.x = self.y = number
        self._stack = stack

    def add(self, verb: str = "add") -> None:
        points = ("--point", "1=22kW@0.9", "--point", "2=11@0.5,IEC_62196_T2")
        done = self._stack.recharge("ocpp", verb, self.identity, "--at", f"{self.x},{self.y}", *points)
        assert done.returncode == 0, done.stderr

    def listed(self) -> dict[str, Any]:
        done = self._stack.recharge("ocpp", "list", "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)[self.identity]

    def points(self) -> list[dict[str, Any]]:
        """Its points as the broker shows them to everybody; none before its station is known."""
        done = self._stack.recharge("stations", "--near", f"{self.x},{self.y}", "--limit", "1", "--json")
        assert done.returncode == 0, done.stderr
        nearest = json.loads(done.stdout)
        return [
            point for station in nearest if station["distance"] == 0 for point in station["chargingPoints"]
        ]

    def await_states(self, *states: str) -> None:
        wait_until(lambda: tuple(point["state"] for point in self.points()) == states, f"points are {states}")

    def reading(self, point: int = 1) -> tuple[float | None, float | None]:
        """The energy and the power of a point's session, as everybody sees them."""
        session = self.points()[point - 1]["session"]
        assert session is not None
        return session["energy"], session["power"]

    def book(self, stack: Stack, vehicle: str) -> dict[str, Any]:
        """Books the point that is free first, for a charge of an hour and more."""
        with MqttClient(stack.mqtt_port, vehicle) as client:
            return client.ask(
                "scheduleReservation",
                vid=vehicle,
                x=self.x,
                y=self.y,
                actualBatteryPercentage=50,
                batteryCapacity=60,
            )

    def leave(self, stack: Stack, vehicle: str) -> None:
        """Gives the booking up."""
        with MqttClient(stack.mqtt_port, vehicle) as client:
            booked = client.ask("findReservation", vid=vehicle)
            client.ask("deleteReservation", reservationID=booked["reservationID"], vehicleID=vehicle)

    def leniencies(self) -> list[str]:
        """What `recharge ocpp list` says is unusual about the charger."""
        done = self._stack.recharge("ocpp", "list")
        assert done.returncode == 0, done.stderr
        _, _, after = done.stdout.partition(f"Unusual about {self.identity}:\n")
        return [
            line.removeprefix("· ") for line in takewhile(lambda line: line[:1] == "·", after.splitlines())
        ]

    def await_leniencies(self, *told: str) -> None:
        wait_until(lambda: set(told) <= set(self.leniencies()), f"{told} is unusual about it")
