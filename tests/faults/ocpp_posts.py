"""Chargers on OCPP that charge one vehicle after another, and tell each step until it is answered.

They run on a thread of their own, while the main thread kills what they talk to.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import UTC, datetime
from random import Random
from secrets import token_hex
from threading import Event, Thread
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeAlias, get_args

from msgspec import Struct
from ocpp.exceptions import OCPPError
from websockets.exceptions import WebSocketException

from cloud_service.ocpp.schemas import Version
from recharge import Vehicle, Wishes
from tests.faults.kept import kept_in_folder
from tests.kit.history import read_history
from tests.kit.ocpp import VERSIONS, Charger, OcppGatewayProcess, connected
from tests.kit.posts import POWERS, Spot, give_place, new_spot
from tests.kit.processes import Stack
from tests.kit.waiting import DEADLINE, wait_until

Step: TypeAlias = Literal["start", "charging", "meter", "stop"]
"""Where a charge is: its begin is not answered yet, it goes on, it is measured, its end is not answered."""
STEPS: Final[tuple[Step, ...]] = get_args(Step)
Killed: TypeAlias = Literal["gateway", "service", "broker"]
KILLED: Final[tuple[Killed, ...]] = get_args(Killed)
READINGS: Final = 4
PAUSE_SECONDS: Final = 0.1
"""Before a charger connects again."""


class Charge(Struct, frozen=True):
    """What a vehicle has booked, and what it has really got, in kWh."""

    reservation: tuple[int, int, int]
    energy: float


class StubbornCharger:
    """One charger. Its meter counts on, in Wh. `reached` is called just before each step."""

    def __init__(
        self, spot: Spot, version: Version, gateway: OcppGatewayProcess, reached: Callable[[Step], None]
    ) -> None:
        self._spot = spot
        self._version: Version = version
        self._gateway = gateway
        self._reached = reached
        self._connection = AsyncExitStack()
        self._charger: Charger | None = None
        self._meter = 50_000
        self.repeated = 0
        """How many steps it had to tell again."""

    async def be_free(self) -> None:
        """Says so, and has its station by then."""
        await self._tell(lambda charger: charger.status("Available"))

    async def charge(self, vehicle: str, watt_hours: int) -> None:
        """From plugging in to leaving."""
        await self._tell(lambda charger: charger.status("Occupied"))
        begin, begun = self._meter, _now()
        self._reached("start")
        transaction = await self._tell(lambda charger: charger.start(vehicle, begin, at=begun))
        assert transaction is not None, f"{vehicle} has booked, and was refused"
        self._reached("charging")
        for number in range(1, READINGS + 1):
            meter = begin + watt_hours * number // (READINGS + 1)
            await self._tell(lambda charger, meter=meter: charger.measure(transaction, meter, 7000))
            if number == READINGS // 2:
                self._reached("meter")
        self._meter, ended = begin + watt_hours, _now()
        self._reached("stop")
        await self._tell(lambda charger: charger.stop(transaction, begin + watt_hours, at=ended))
        await self.be_free()

    async def close(self) -> None:
        await self._connection.aclose()

    async def _tell(self, step: Callable[[Charger], Awaitable[Any]]) -> Any:
        """Repeats a step until the gateway has answered it: over one connection after another."""
        while True:
            try:
                charger = await self._connected()
                told = asyncio.ensure_future(step(charger))
                lost = asyncio.ensure_future(charger.socket.wait_closed())
                await asyncio.wait([told, lost], return_when=asyncio.FIRST_COMPLETED)
                for each in (told, lost):
                    if not each.done():
                        each.cancel()
                if not told.cancelled() and told.done():
                    return told.result()
            except (OCPPError, OSError, WebSocketException):
                pass
            self.repeated += 1
            await self._disconnect()
            await asyncio.sleep(PAUSE_SECONDS)

    async def _connected(self) -> Charger:
        if self._charger is None:
            connection = connected(self._gateway, self._spot.name, self._version)
            charger = await self._connection.enter_async_context(connection)
            while await charger.boot() != "Accepted":
                await asyncio.sleep(PAUSE_SECONDS)
            self._charger = charger
        return self._charger

    async def _disconnect(self) -> None:
        self._charger = None
        with suppress(OSError, WebSocketException):
            await self._connection.aclose()


def _now() -> str:
    return datetime.now(UTC).isoformat()


class OcppPosts:
    """A charger of each version: `with OcppPosts(stack, gateway) as posts:`."""

    def __init__(self, stack: Stack, gateway: OcppGatewayProcess) -> None:
        self.charges: list[Charge] = []
        """Those that are over."""
        self._stack = stack
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="chargers on OCPP")
        self._awaited: Step = "start"
        self._reached = Event()
        self._released = Event()
        self._spots = [new_spot() for _ in VERSIONS]
        self._chargers = [
            StubbornCharger(spot, version, gateway, self._note)
            for spot, version in zip(self._spots, VERSIONS, strict=True)
        ]

    def __enter__(self) -> Self:
        self._thread.start()
        self.give_places()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for charger in self._chargers:
                self._run(charger.close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    @property
    def repeated(self) -> int:
        """How many steps were told again."""
        return sum(charger.repeated for charger in self._chargers)

    def give_places(self) -> None:
        """Tells the network where they stand."""
        for spot in self._spots:
            self._run(give_place(spot, self._stack))

    @contextmanager
    def charging(self, step: Step, random: Random, *, held: bool = False) -> Iterator[None]:
        """A charge at each, of which the first one has come to this step when the block begins.

        If they are held, none goes on before the block ends. Ends when all of them are over.
        """
        self._awaited = step
        self._reached.clear()
        if held:
            self._released.clear()
        else:
            self._released.set()
        charges = [
            asyncio.run_coroutine_threadsafe(
                self._charge(charger, spot, random.randint(1_000, 9_000)), self._loop
            )
            for charger, spot in zip(self._chargers, self._spots, strict=True)
        ]

        def has_come() -> bool:
            for charge in charges:
                if charge.done():
                    charge.result()
            return self._reached.is_set()

        wait_until(has_come, f"a charge has come to {step}")
        try:
            yield
        finally:
            self._released.set()
        self.charges += [charge.result(2 * DEADLINE) for charge in charges]

    async def _charge(self, charger: StubbornCharger, spot: Spot, watt_hours: int) -> Charge:
        await charger.be_free()
        async with Vehicle(f"car-{token_hex(5)}", self._stack.address, timeout=DEADLINE) as vehicle:
            only_the_first = Wishes(max_distance=1, min_power=POWERS[1])
            booked = await vehicle.book(spot.x, spot.y, 0, 10, only_the_first)
            await charger.charge(vehicle.name, watt_hours)
        return Charge(booked.key, watt_hours / 1000)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(DEADLINE)

    def _note(self, step: Step) -> None:
        if step == self._awaited:
            self._reached.set()
            self._released.wait(DEADLINE)


def kill_and_start(killed: Killed, stack: Stack, gateway: OcppGatewayProcess) -> None:
    """Kills one of them, and starts it again."""
    match killed:
        case "gateway":
            gateway.kill()
            gateway.start()
        case "service":
            stack.service.kill()
            stack.start_service()
        case "broker":
            stack.broker.kill()
            stack.broker.start()


def check_charges(stack: Stack, posts: OcppPosts) -> None:
    """Each reservation has ended once, with the energy that its vehicle has got, and nothing is left over."""
    done = stack.recharge("verify", str(stack.data_dir))
    assert done.returncode == 0, done.stdout + done.stderr
    kept = kept_in_folder(stack.data_dir)
    problems = [*map(str, kept.findings), *(f"goes on: {session}" for session in kept.tables.sessions)]
    problems += [f"is still scheduled: {reservation}" for reservation in kept.tables.reservations]
    ended: Counter[tuple[Any, ...]] = Counter(
        (row.reservation.key, row.reservation.state, row.energy) for row in read_history(stack.data_dir)
    )
    wanted: Counter[tuple[Any, ...]] = Counter(
        (each.reservation, "completed", each.energy) for each in posts.charges
    )
    problems += [f"is not in the history: {each}" for each in wanted - ended]
    problems += [f"is wrong or once more in the history: {each}" for each in ended - wanted]
    assert not problems, "\n".join(problems)
