"""The OCPP gateway as a process, and chargers made of the `ocpp` package's own charge point side."""

import asyncio
import base64
import ssl
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, TypeAlias

import ocpp.charge_point
import ocpp.messages
import ocpp.routing
import ocpp.v16
import ocpp.v16.call
import ocpp.v21
import ocpp.v21.call
import ocpp.v201
import ocpp.v201.call
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from cloud_service.ocpp.schemas import SUBPROTOCOLS, Version
from tests.kit.processes import HOST, Process, Stack, free_port
from tests.kit.waiting import DEADLINE, wait_until

ocpp.messages.ASYNC_VALIDATION = False

VERSIONS: tuple[Version, ...] = ("1.6", "2.0.1", "2.1")
_ASKED = (
    "ReserveNow",
    "CancelReservation",
    "Reset",
    "ChangeAvailability",
    "TriggerMessage",
    "RemoteStartTransaction",
    "RequestStartTransaction",
    "RemoteStopTransaction",
    "RequestStopTransaction",
)
Status: TypeAlias = Literal["Available", "Occupied", "Faulted"]


def basic(user: str, password: str | bytes) -> dict[str, str]:
    """The header of a login with HTTP Basic."""
    secret = password if isinstance(password, bytes) else password.encode()
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:".encode() + secret).decode()}


class OcppAddress(Protocol):
    """Where chargers connect: below `url`."""

    @property
    def url(self) -> str: ...


class OcppGatewayProcess(Process):
    """`recharge ocpp-gateway` at the broker of a stack: `with OcppGatewayProcess(stack) as gateway:`."""

    def __init__(self, stack: Stack, **settings: str) -> None:
        self.port = free_port()
        more = {f"RECHARGE_{name.upper()}": value for name, value in settings.items()}
        environment = {**stack.environment, "RECHARGE_OCPP_PORT": str(self.port), **more}
        words = [sys.executable, "-m", "cloud_service", "ocpp-gateway"]
        self._scheme = "wss" if "ocpp_certificate_file" in settings else "ws"
        super().__init__("ocpp-gateway", words, stack.folder / f"ocpp-{self.port}.log", environment)

    @property
    def url(self) -> str:
        return f"{self._scheme}://{HOST}:{self.port}/ocpp/"

    def run_instead(self, words: Sequence[str], **variables: str) -> None:
        """Gives it, before it is started, another command line and more of an environment."""
        self._command, self._environment = words, {**(self._environment or {}), **variables}

    def start(self) -> None:
        """Starts it and waits until it listens."""
        listened = self._listening()
        super().start()

        def listens() -> bool:
            self.check()
            return self._listening() > listened

        wait_until(listens, "the OCPP gateway listens")

    def _listening(self) -> int:
        return self.log.read_text().count("listening on") if self.log.exists() else 0

    def __enter__(self) -> "OcppGatewayProcess":
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if error is not None:
            self.kill()
            return
        assert self.stop() == 0, self.tail()
        assert "Traceback" not in self.log.read_text(), self.tail()


class Charger:
    """A charger of one version, which says what all of them say. The meter is in Wh."""

    def __init__(self, identity: str, version: Version, socket: ClientConnection) -> None:
        package = {"1.6": ocpp.v16, "2.0.1": ocpp.v201, "2.1": ocpp.v21}[version]
        self.version = version
        self.socket = socket
        self._calls = package.call
        self.asked: list[tuple[str, dict[str, Any]]] = []
        """What the gateway has asked of it. It accepts everything."""
        self.point = _point(package, self.asked)(identity, socket, response_timeout=DEADLINE)
        self._sequence = 0

    async def boot(self) -> str:
        """Returns the status of the answer."""
        if self.version == "1.6":
            call = self._calls.BootNotification(charge_point_vendor="Maker", charge_point_model="One")
        else:
            call = self._calls.BootNotification(
                charging_station={"vendorName": "Maker", "model": "One"}, reason="PowerUp"
            )
        return str((await self._call(call)).status)

    async def status(self, status: Status, connector: int = 1) -> None:
        """Of one connector."""
        if self.version == "1.6":
            word = "Preparing" if status == "Occupied" else status
            error = "OtherError" if status == "Faulted" else "NoError"
            call = self._calls.StatusNotification(connector, error, word, timestamp=_now())
        else:
            call = self._calls.StatusNotification(
                timestamp=_now(), connector_status=status, evse_id=connector, connector_id=1
            )
        await self._call(call)

    async def authorize(self, tag: str) -> bool:
        """Whether this tag may charge."""
        if self.version == "1.6":
            answer = await self._call(self._calls.Authorize(id_tag=tag))
            return bool(answer.id_tag_info["status"] == "Accepted")
        answer = await self._call(self._calls.Authorize(id_token=_token(tag)))
        return bool(answer.id_token_info["status"] == "Accepted")

    async def start(self, tag: str, meter: int, *, connector: int = 1, at: str | None = None) -> str | None:
        """Returns the transaction; None if the tag was refused."""
        if self.version == "1.6":
            answer = await self._call(self._calls.StartTransaction(connector, tag, meter, at or _now()))
            return str(answer.transaction_id) if answer.id_tag_info["status"] == "Accepted" else None
        name = f"transaction-{meter}-{tag}"
        answer = await self._event("Started", name, meter, connector, at, tag=tag)
        return name if answer.id_token_info["status"] == "Accepted" else None

    async def measure(self, transaction: str, meter: int, power: int, connector: int = 1) -> None:
        """While it charges. The power is in W."""
        values = [_values(meter, power, text=self.version == "1.6")]
        if self.version == "1.6":
            await self._call(self._calls.MeterValues(connector, values, int(transaction)))
        else:
            await self._event("Updated", transaction, meter, connector, None, power=power)

    async def stop(self, transaction: str, meter: int, *, connector: int = 1, at: str | None = None) -> None:
        """The end of a charge."""
        if self.version == "1.6":
            await self._call(self._calls.StopTransaction(meter, at or _now(), int(transaction)))
        else:
            await self._event("Ended", transaction, meter, connector, at)

    async def _event(
        self,
        kind: str,
        transaction: str,
        meter: int,
        connector: int,
        at: str | None,
        *,
        tag: str | None = None,
        power: int | None = None,
    ) -> Any:
        self._sequence += 1
        more = {} if tag is None else {"id_token": _token(tag)}
        return await self._call(
            self._calls.TransactionEvent(
                event_type=kind,
                timestamp=at or _now(),
                trigger_reason="Authorized" if tag else "MeterValuePeriodic",
                seq_no=self._sequence,
                transaction_info={"transactionId": transaction},
                evse={"id": connector, "connectorId": 1},
                meter_value=[_values(meter, power, text=False)],
                **more,
            )
        )

    async def _call(self, call: Any) -> Any:
        return await self.point.call(call, suppress=False)


@asynccontextmanager
async def connected(
    gateway: OcppAddress,
    identity: str,
    version: Version,
    password: str | bytes | None = None,
    tls: ssl.SSLContext | None = None,
    *,
    address: str = HOST,
) -> AsyncIterator[Charger]:
    """A charger that is connected while the block lasts, with `tls` at a gateway that asks for it.

    `address` is where it comes from.
    """
    (subprotocol,) = (name for name, each in SUBPROTOCOLS.items() if each == version)
    headers = {} if password is None else basic(identity, password)
    async with connect(
        gateway.url + identity,
        subprotocols=[Subprotocol(subprotocol)],
        additional_headers=headers,
        ssl=tls,
        local_addr=(address, 0),
    ) as socket:
        charger = Charger(identity, version, socket)
        hearing = asyncio.create_task(_hear(charger))
        try:
            yield charger
        finally:
            hearing.cancel()
            await asyncio.wait([hearing])


async def _hear(charger: Charger) -> None:
    async for message in charger.socket:
        await charger.point.route_message(message)


def _point(package: Any, asked: list[tuple[str, dict[str, Any]]]) -> type[ocpp.charge_point.ChargePoint]:
    """A charge point that accepts what it is asked, and notes it."""

    def accepting(action: str) -> Any:
        def accept(_: object, **values: Any) -> Any:
            asked.append((action, values))
            return getattr(package.call_result, action)(status="Accepted")

        accept.__name__ = f"accept_{action}"  # by which the package looks for it
        return ocpp.routing.on(action)(accept)

    answers = {f"accept_{action}": accepting(action) for action in _ASKED if hasattr(package.call, action)}
    return type("AcceptingChargePoint", (package.ChargePoint,), answers)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _token(tag: str) -> dict[str, str]:
    return {"idToken": tag, "type": "Central"}


def _values(meter: int, power: int | None, *, text: bool) -> dict[str, Any]:
    sampled: list[dict[str, Any]] = [{"value": meter, "measurand": "Energy.Active.Import.Register"}]
    if power is not None:
        sampled.append({"value": power, "measurand": "Power.Active.Import"})
    if text:
        sampled = [{**each, "value": str(each["value"])} for each in sampled]
    return {"timestamp": _now(), "sampledValue": sampled}
