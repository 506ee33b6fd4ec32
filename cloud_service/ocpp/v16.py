"""OCPP 1.6: what its messages tell, and how they are answered."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from cloud_service.ocpp.clocks import ChargerClock
from cloud_service.ocpp.fields import members, number, text, whole
from cloud_service.ocpp.meters import first_energy, read_meter
from cloud_service.ocpp.told import (
    Alive,
    Booted,
    Ended,
    Metered,
    Outcome,
    Started,
    Status,
    StatusTold,
    TagShown,
    Told,
)

_KILO: Final = 1000.0
_STATUSES: Final[Mapping[str, Status]] = {
    "Available": "free",
    "Preparing": "occupied",
    "Charging": "occupied",
    "SuspendedEVSE": "occupied",
    "SuspendedEV": "occupied",
    "Finishing": "occupied",
    "Reserved": "reserved",
    "Unavailable": "unavailable",
    "Faulted": "faulted",
}


def read(action: str, payload: Mapping[str, Any], clock: ChargerClock) -> list[Told]:
    """What a message tells; just a sign of life if it does not concern the network."""
    match action:
        case "BootNotification":
            return [
                Booted(
                    text(payload, "chargePointVendor", 50),
                    text(payload, "chargePointModel", 50),
                    text(payload, "chargePointSerialNumber", 50)
                    or text(payload, "chargeBoxSerialNumber", 50),
                    text(payload, "firmwareVersion", 50),
                )
            ]
        case "StatusNotification":
            detail = text(payload, "status", 30)
            known = _STATUSES.get(detail, "faulted" if _has_error(payload) else "occupied")
            return [StatusTold(whole(payload, "connectorId", 0), known, detail, clock.moment(payload))]
        case "Authorize":
            return [TagShown(text(payload, "idTag", 64))]
        case "StartTransaction":
            return [_started(payload, clock)]
        case "MeterValues":
            return [_metered(payload, clock)]
        case "StopTransaction":
            return [_ended(payload, clock)]
        case _:
            return [Alive()]


def answer(action: str, outcome: Outcome, now: datetime) -> dict[str, Any]:
    """The answer to a message."""
    verdict = {"status": "Accepted" if outcome.accepted else "Invalid"}
    match action:
        case "BootNotification":
            status = "Accepted" if outcome.accepted else "Pending"
            return {"status": status, "currentTime": now.isoformat(), "interval": outcome.interval}
        case "Heartbeat":
            return {"currentTime": now.isoformat()}
        case "Authorize" | "StopTransaction":
            return {"idTagInfo": verdict}
        case "StartTransaction":
            return {"transactionId": int(outcome.transaction or 0), "idTagInfo": verdict}
        case "DataTransfer":
            return {"status": "UnknownVendorId"}
        case _:
            return {}


def _has_error(payload: Mapping[str, Any]) -> bool:
    return text(payload, "errorCode") not in ("", "NoError")


def _started(payload: Mapping[str, Any], clock: ChargerClock) -> Started:
    return Started(
        whole(payload, "connectorId", 0),
        text(payload, "idTag", 64),
        _in_kwh(payload, "meterStart"),
        clock.moment(payload),
    )


def _metered(payload: Mapping[str, Any], clock: ChargerClock) -> Metered:
    values = members(payload, "meterValue")
    named = "transactionId" in payload
    return Metered(
        whole(payload, "connectorId", 0),
        str(whole(payload, "transactionId", 0)) if named else None,
        read_meter(values),
        clock.moment(values[-1]) if values else None,
    )


def _ended(payload: Mapping[str, Any], clock: ChargerClock) -> Ended:
    data = members(payload, "transactionData")
    meter = _in_kwh(payload, "meterStop")
    return Ended(
        str(whole(payload, "transactionId", 0)),
        meter=read_meter(data).energy if meter is None else meter,
        meter_start=first_energy(data),
        at=clock.moment(payload),
        tag=text(payload, "idTag", 64),
    )


def _in_kwh(payload: Mapping[str, Any], key: str) -> float | None:
    watt_hours = number(payload, key)
    return None if watt_hours is None or watt_hours < 0 else watt_hours / _KILO
