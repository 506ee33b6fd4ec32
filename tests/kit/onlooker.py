"""What vehicles and the network see of one station: events, retained state, presence and the history."""

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cloud_service.mqtt.requester import Requester
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from tests.kit.history import read_history
from tests.kit.processes import Stack
from tests.kit.waiting import until


class Onlooker:
    """An operator who watches the station of an account: `async with Onlooker(stack, "post-7") as seen:`."""

    def __init__(self, stack: Stack, account: str) -> None:
        self._data_dir: Path = stack.data_dir
        self._account = account
        self._events: dict[str, list[str]] = {}
        self._states: dict[tuple[int, int], dict[str, Any]] = {}
        self._stations: dict[int, dict[str, Any]] = {}
        self._owned: int | None = None
        self.presence: list[bool] = []
        """Whether the account was online, each time that this changed."""
        subscriptions = ["event/+/+", "state/station/+", "state/point/+/+", f"presence/{account}"]
        self._requester = Requester(
            stack.address,
            f"operator-{account}",
            subscriptions=[f"{topics.ROOT}/{each}" for each in subscriptions],
            on_message=self._see,
        )

    async def __aenter__(self) -> Self:
        await self._requester.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._requester.__aexit__(kind, error, trace)

    async def station(self) -> dict[str, Any]:
        """The retained state of the station without its ID and its moment, once both points are there."""
        await until(lambda: self._owned is not None and self._own().get("chargingPoints") == 2)
        return {key: self._own()[key] for key in self._own().keys() - {"chargingStationID", "updated"}}

    @property
    def station_id(self) -> int:
        assert self._owned is not None
        return self._owned

    async def shows(self, point: int, **expected: Any) -> None:
        """Waits until the retained state of a point has these values."""

        def is_so() -> bool:
            state = self._states.get((self.station_id, point), {})
            return bool(state) and {key: state[key] for key in expected} == expected

        await until(is_so)

    async def charges(self, energy: float | None = None, power: float | None = None, point: int = 1) -> None:
        """Waits until a vehicle charges at a point, with this reading of its meter."""

        def is_so() -> bool:
            state = self._states.get((self.station_id, point), {})
            session = state.get("session") or {}
            reading = session.get("energy"), session.get("power")
            return bool(session) and state["availability"] == "ocupado" and reading == (energy, power)

        await until(is_so)

    async def heard(self, account: str, *told: str) -> None:
        """Waits until these are the events that an account has got, each with its reason."""
        await until(lambda: len(self._events.get(account, [])) >= len(told))
        assert self._events.get(account, []) == list(told)

    async def ask(self, action: str, **values: Any) -> Any:
        """A request of the operator. Raises what `Requester.request` raises."""
        return await self._requester.request(action, values)

    def history(self) -> list[tuple[str, float | None, int]]:
        """How each reservation of the station has ended, with its energy and its point, in their order."""
        return [
            (str(row.reservation.state), row.energy, row.reservation.point_id)
            for row in read_history(self._data_dir)
            if row.reservation.station_id == self.station_id
        ]

    def _own(self) -> dict[str, Any]:
        return self._stations.get(self.station_id, {})

    def _see(self, message: Message) -> None:
        kind, *rest = message.topic.removeprefix(f"{topics.ROOT}/").split("/")
        body = json.loads(message.payload) if message.payload else {}
        match kind:
            case "event":
                self._events.setdefault(rest[0], []).append(f"{body['type']} {body['reason']}")
            case "presence":
                self.presence.append(body["online"])
            case "state" if rest[0] == "point":
                self._states[int(rest[1]), int(rest[2])] = body
            case "state":
                self._stations[int(rest[1])] = body
                if message.owner == self._account:
                    self._owned = int(rest[1])
