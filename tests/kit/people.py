"""Chargers, vehicles and others, each with a name of their own, over the transport that is tested."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from secrets import randbelow, token_hex
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from tests.kit.mqtt import MqttClient, Version
from tests.kit.processes import HOST, Stack
from tests.kit.target import Role, Target
from tests.kit.tcp import TcpClient

Transport: TypeAlias = Literal["mqtt5", "mqtt311", "tcp"]
TRANSPORTS: tuple[Transport, ...] = ("mqtt5", "mqtt311", "tcp")
Record: TypeAlias = dict[str, Any]


class Place(Struct, frozen=True):
    """A location. Those of different tests are so far apart that nobody books at another's station."""

    x: float
    y: float

    def beside(self, dx: float, dy: float = 0) -> "Place":
        return Place(self.x + dx, self.y + dy)


def new_place() -> Place:
    return Place(randbelow(10**9) * 1_000_000, randbelow(10**9) * 1_000_000)


class Charger:
    """Who has stations. On TCP all of them are one owner."""

    def __init__(self, client: MqttClient | TcpClient) -> None:
        self.client = client
        self.name = client.name
        self.ask = client.ask

    def station(self, place: Place) -> int:
        number = self.ask("newChargingStation", x_position=place.x, y_position=place.y)
        assert type(number) is int
        return number

    def point(self, station: int, power: float = 10, price: float = 1, availability: str = "livre") -> int:
        values = {"power": power, "kWhPrice": price, "availability": availability}
        number = self.ask("newChargingPoint", chargingStationID=station, **values)
        assert type(number) is int
        return number

    def with_point(self, place: Place, power: float = 10, price: float = 1) -> int:
        """A new station with one point."""
        station = self.station(place)
        assert self.point(station, power, price) == 1
        return station

    def points(self, station: int) -> list[Record]:
        points: list[Record] = self.ask("receiveAllChargingPoints", chargingStationID=station)
        return points

    def availability(self, station: int) -> list[str]:
        """Of each point in turn."""
        return [point["availability"] for point in self.points(station)]

    def reservations(self, station: int) -> list[Record]:
        reservations: list[Record] = self.ask("receiveAllReservations", chargingStationID=station)
        return reservations

    def meter(self, station: int, energy: float, point: int = 1, **more: Any) -> None:
        values = {"chargingStationID": station, "chargingPointID": point, "energy": energy}
        assert self.ask("meterCharging", **values, **more) == "Sucesso"

    def record(self, station: int, start: datetime, finish: datetime, energy: float, **more: Any) -> None:
        values = {"chargingStationID": station, "chargingPointID": 1, "energy": energy}
        times = {"startDateTime": start.isoformat(), "finishDateTime": finish.isoformat()}
        assert self.ask("recordCharging", **values, **times, **more) == "Sucesso"

    def update(
        self, station: int, point: int, power: float = 10, price: float = 1, availability: str = "livre"
    ) -> None:
        values = {"power": power, "kWhPrice": price, "availability": availability}
        result = self.ask("updateChargingPoint", chargingPointID=point, chargingStationID=station, **values)
        assert result == "Sucesso"

    def start(self, station: int, point: int = 1, **more: Any) -> Record | None:
        """A vehicle begins to charge, which accounts on MQTT tell."""
        begun: Record | None = self.ask(
            "startCharging", chargingStationID=station, chargingPointID=point, **more
        )
        return begun

    def finish(self, station: int, point: int = 1, **more: Any) -> None:
        """The vehicle has gone."""
        result = self.ask("finishCharging", chargingStationID=station, chargingPointID=point, **more)
        assert result == "Sucesso"

    def move(self, station: int, place: Place) -> None:
        values = {"x_position": place.x, "y_position": place.y}
        assert self.ask("updateChargingStation", chargingStationID=station, **values) == "Sucesso"

    def delete(self, station: int) -> None:
        assert self.ask("deleteChargingStation", chargingStationID=station) == "Sucesso"

    def delete_point(self, station: int, point: int) -> None:
        values = {"chargingPointID": point, "chargingStationID": station}
        assert self.ask("deleteChargingPoint", **values) == "Sucesso"


class Vehicle:
    """Who books. On MQTT an account is a vehicle; on TCP it has to say which."""

    def __init__(self, client: MqttClient | TcpClient) -> None:
        self.client = client
        self.name = client.name
        self._names_itself = isinstance(client, TcpClient)

    def book(self, place: Place, capacity: float = 10, percentage: float = 0, **more: Any) -> Record:
        values = {"x": place.x, "y": place.y, "actualBatteryPercentage": percentage}
        return self._ask("scheduleReservation", "vid", **values, batteryCapacity=capacity, **more)

    def quote(self, place: Place, capacity: float = 10, percentage: float = 0, **more: Any) -> list[Record]:
        """Offers, which commit nothing."""
        values = {"x": place.x, "y": place.y, "actualBatteryPercentage": percentage}
        offers: list[Record] = self._ask(
            "quoteReservation", "vid", **values, batteryCapacity=capacity, **more
        )
        return offers

    def find(self, **more: Any) -> Record:
        return self._ask("findReservation", "vid", **more)

    def cancel(self, number: int, **more: Any) -> str:
        result: str = self._ask("deleteReservation", "vehicleID", reservationID=number, **more)
        return result

    def _ask(self, action: str, key: str, **values: Any) -> Any:
        named = {key: self.name} if self._names_itself else {}
        return self.client.ask(action, **{**named, **values})


class People:
    """Makes clients, and closes their connections at the end."""

    def __init__(self, target: Target, transport: Transport) -> None:
        self.target = target
        self.transport = transport
        self._clients: list[MqttClient] = []

    def charger(self) -> Charger:
        return Charger(self._tested("charger"))

    def vehicle(self) -> Vehicle:
        return Vehicle(self._tested("vehicle"))

    def other_charger(self) -> Charger:
        """Another owner, whatever is tested: an account on MQTT."""
        return Charger(self.mqtt("charger"))

    def other_vehicle(self) -> Vehicle:
        return Vehicle(self.mqtt("vehicle"))

    def over_tcp(self) -> "People":
        """Legacy clients of the same network."""
        return People(self.target, "tcp")

    def mqtt(
        self,
        role: Role,
        name: str | None = None,
        version: Version | None = None,
        subscriptions: Sequence[str] = (),
    ) -> MqttClient:
        """An account, with a new name if none is given; over the tested transport if that is MQTT."""
        if version is None:
            version = "mqtt5" if self.transport == "tcp" else self.transport
        client = connected(self.target, name or f"{role}-{token_hex(5)}", role, version, subscriptions)
        self._clients.append(client)
        return client

    def close(self) -> None:
        while self._clients:
            self._clients.pop().close()

    def _tested(self, role: Role) -> MqttClient | TcpClient:
        if self.transport == "tcp":
            return TcpClient(self.target, f"{role}-{token_hex(5)}")
        return self.mqtt(role)


def connected(
    target: Target, name: str, role: Role, version: Version = "mqtt5", subscriptions: Sequence[str] = ()
) -> MqttClient:
    """An account's client, connected and subscribed.

    The client ID of a charger and of a vehicle is its name: the broker accepts no other.
    """
    client = MqttClient(
        target.mqtt_port,
        name,
        target.password(name, role),
        role=role,
        client_id=name if role in ("charger", "vehicle") else f"{name}-{token_hex(4)}",
        version=version,
        host=target.mqtt_host,
        ca_file=target.ca_file,
    )
    client.connect()
    if subscriptions:
        client.subscribe(*subscriptions)
    return client


def moment(record: Record, key: str) -> datetime:
    """A date of a reservation, which has to be in UTC."""
    assert record[key].endswith("+00:00")
    return datetime.fromisoformat(record[key])


def target_of(stack: Stack) -> Target:
    """An open network on this machine."""
    return Target(HOST, stack.mqtt_port, HOST, stack.tcp_port)


@contextmanager
def people_of(stack: Stack) -> Iterator[People]:
    """People of an open network, over MQTT 5."""
    people = People(target_of(stack), "mqtt5")
    try:
        yield people
    finally:
        people.close()
