"""Reads meter values, of which each charger sends others."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from cloud_service.ocpp.fields import member, members, number, text
from cloud_service.ocpp.told import NO_READING, Meter

ENERGY: Final = "Energy.Active.Import.Register"
_POWER: Final = "Power.Active.Import"
_KILO: Final = 1000.0


def read_meter(values: Iterable[Mapping[str, Any]]) -> Meter:
    """The last energy and power of these meter values. What has no measurand is energy, in Wh."""
    meter = NO_READING
    for each in values:
        sampled = members(each, "sampledValue")
        energy, power = _total(sampled, ENERGY), _total(sampled, _POWER)
        meter = Meter(
            meter.energy if energy is None else energy / _KILO,
            meter.power if power is None else power / _KILO,
        )
    return meter


def first_energy(values: Iterable[Mapping[str, Any]]) -> float | None:
    """The first energy of these meter values that is marked as that of the begin."""
    for each in values:
        begun = [one for one in members(each, "sampledValue") if text(one, "context") == "Transaction.Begin"]
        energy = _total(begun, ENERGY)
        if energy is not None:
            return energy / _KILO
    return None


def _total(sampled: list[Mapping[str, Any]], measurand: str) -> float | None:
    """Of all phases together, in W or Wh: as the charger says, or the sum of the phases."""
    found = [each for each in sampled if (text(each, "measurand") or ENERGY) == measurand]
    whole = [each for each in found if not text(each, "phase")]
    amounts = [amount for each in (whole[-1:] or found) if (amount := _amount(each)) is not None]
    return sum(amounts) if amounts else None


def _amount(sampled: Mapping[str, Any]) -> float | None:
    value = number(sampled, "value")
    if value is None or value < 0:
        return None
    unit = member(sampled, "unitOfMeasure") or sampled
    power_of_ten = number(unit, "multiplier") or 0.0
    kilo = _KILO if text(unit, "unit").lower().startswith("k") else 1.0
    scale: float = 10.0 ** max(-9.0, min(power_of_ten, 9.0))
    return value * kilo * scale
