"""Several simulated chargers and vehicles in one process."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Final

from msgspec import Struct

from cloud_service.mqtt.address import BrokerAddress
from recharge.account import AccountConnection
from recharge.charger import Charger
from recharge.errors import OutcomeUnknown, RequestError
from recharge.records import Protocol as VehicleProtocol
from recharge.records import Wishes
from recharge.simulator import incidents
from recharge.simulator.car import Car
from recharge.simulator.charger import SimulatedCharger
from recharge.simulator.connection import watch_connection
from recharge.simulator.incidents import Cast, DemoObserver, Incidents, place
from recharge.simulator.network_clock import read_clock
from recharge.simulator.observer import Report
from recharge.simulator.registration import WantedStation, register
from recharge.simulator.vehicle import Pace, SimulatedVehicle
from recharge.vehicle import Vehicle

POWERS_KW: Final = (22, 7.2, 50)
"""The chargers take turns."""
PROTOCOLS: Final[tuple[VehicleProtocol, ...]] = ("mqtt5", "mqtt311", "tcp")
"""The vehicles take turns."""
REQUEST_SECONDS: Final = 60.0
"""Long, because the demo may start before the service."""
REST_SECONDS: Final = 5.0
"""Pause of a vehicle after a charge."""
LONG_REST_SECONDS: Final = 60.0
"""Pause of a vehicle that could not charge."""


class Demo(Struct, frozen=True):
    """Chargers and vehicles. The same seed gives the same locations, so a second run finds its stations.

    On an open broker each participant has an account; with an account in `broker`, which must be an
    operator's, all of them share it. `gateway` is (host, port).
    """

    chargers: int
    vehicles: int
    time_scale: float
    seed: int | None
    broker: BrokerAddress
    gateway: tuple[str, int]

    async def run(self, pace: Pace, observe: Callable[[str], DemoObserver]) -> None:
        """Runs until it is cancelled. `observe` returns the observer of the participant with this name.

        Raises ConnectionError if the broker cannot be reached, and RequestError or OutcomeUnknown if a
        charger cannot register its station.
        """
        failure: Exception | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._run_incidents(pace, observe))
                for number in range(self.chargers):
                    tasks.create_task(self._run_charger(number, pace, observe))
                for number in range(self.vehicles):
                    tasks.create_task(self._run_vehicle(number, pace, observe))
        except* (ConnectionError, RequestError, OutcomeUnknown) as group:
            failure = group.exceptions[0]
        if failure is not None:
            raise failure

    async def pace(self) -> Pace:
        """Returns how fast time passes. Raises ConnectionError if the broker cannot be reached."""
        name = "demo-clock"
        connection = AccountConnection(
            self.broker.user or name, self.broker, client_id=self._client_id(name), presence=False
        )
        return Pace(time_scale=self.time_scale).by(await read_clock(connection))

    async def _run_charger(self, number: int, pace: Pace, observe: Callable[[str], DemoObserver]) -> None:
        name = f"demo-charger-{number + 1}"
        wanted = WantedStation(*place(self._random(name)), power=POWERS_KW[number % len(POWERS_KW)])
        observer = observe(name)
        charger = self._charger(name)
        async with charger, watch_connection(charger, observer.report):
            registered = await register(charger, wanted)
            observer.registered(registered)
            simulated = SimulatedCharger(
                charger,
                registered.station.station_id,
                registered.points,
                plan=pace.plan,
                report=_ignore,
            )
            try:
                await simulated.run()
            finally:
                await simulated.leave()

    async def _run_incidents(self, pace: Pace, observe: Callable[[str], DemoObserver]) -> None:
        cast = Cast(self._charger, lambda name: self._vehicle(name, "mqtt5"), observe)
        await Incidents(cast, pace.clock, self._random(incidents.CHARGER)).run()

    async def _run_vehicle(self, number: int, pace: Pace, observe: Callable[[str], DemoObserver]) -> None:
        name = f"demo-vehicle-{number + 1}"
        protocol = PROTOCOLS[number % len(PROTOCOLS)]
        random = self._random(name)
        observer = observe(name)
        x, y = place(random)
        car = Car(x, y, random.uniform(25, 60), home=(x, y))
        wishes = None if protocol == "tcp" else Wishes(flexible=True)
        async with (
            self._vehicle(name, protocol) as vehicle,
            watch_connection(vehicle, observer.report),
            SimulatedVehicle(vehicle, car, pace, random, observer, wishes=wishes) as driven,
        ):
            while True:
                try:
                    await driven.drive_and_charge()
                except (RequestError, OutcomeUnknown, ConnectionError) as error:
                    observer.failed(error)
                    await asyncio.sleep(LONG_REST_SECONDS)
                else:
                    await asyncio.sleep(REST_SECONDS)

    def _charger(self, name: str) -> Charger:
        """A charger without presence: after the demo, one that is offline would be out of order."""
        return Charger(
            self.broker.user or name,
            self.broker,
            client_id=self._client_id(name),
            timeout=REQUEST_SECONDS,
            presence=False,
        )

    def _vehicle(self, name: str, protocol: VehicleProtocol) -> Vehicle:
        account = None if protocol == "tcp" else self.broker.user
        return Vehicle(
            account or name,
            self.broker,
            protocol=protocol,
            gateway=self.gateway,
            vehicle_id=account and name,
            client_id=self._client_id(name),
            timeout=REQUEST_SECONDS,
        )

    def _client_id(self, name: str) -> str:
        return name if self.broker.user is None else f"{self.broker.user}-{name}"

    def _random(self, name: str) -> Random:
        return Random(f"{name} {self.seed}")


def _ignore(_report: Report) -> None:
    """The vehicles report what happens at a charger."""
