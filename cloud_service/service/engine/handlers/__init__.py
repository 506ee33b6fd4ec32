"""Handlers: (network, request, caller, now) to a decision. They decide, and change nothing.

This is the only place that binds a request class to its handler.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from cloud_service.core.rules import Rules
from cloud_service.core.view import NetworkView
from cloud_service.protocol import requests
from cloud_service.service.engine.caller import Caller
from cloud_service.service.engine.handlers import (
    offline_charges,
    ownership,
    points,
    quotes,
    reservations,
    sessions,
    stations,
)
from cloud_service.service.engine.handlers.decision import Decision

Handler: TypeAlias = Callable[[NetworkView, Any, Caller, datetime], Decision]
"""Decides one request. Raises a RequestError for a refusal."""

Handlers: TypeAlias = Mapping[type[requests.Request], Handler]
"""The handler of each request class."""


def bind_handlers(rules: Rules) -> Handlers:
    """Returns the handlers of all actions, which go by these rules."""
    return {
        requests.NewChargingStation: stations.new_charging_station,
        requests.UpdateChargingStation: stations.update_charging_station,
        requests.DeleteChargingStation: stations.delete_charging_station,
        requests.NewChargingPoint: points.new_charging_point,
        requests.UpdateChargingPoint: points.PointUpdater(rules),
        requests.DeleteChargingPoint: points.delete_charging_point,
        requests.ReceiveAllChargingPoints: points.receive_all_charging_points,
        requests.ReceiveAllReservations: reservations.receive_all_reservations,
        requests.ScheduleReservation: reservations.Scheduler(rules),
        requests.FindReservation: reservations.find_reservation,
        requests.DeleteReservation: reservations.delete_reservation,
        requests.StartCharging: sessions.SessionStarter(rules),
        requests.FinishCharging: sessions.finish_charging,
        requests.QuoteReservation: quotes.Quoter(rules),
        requests.CancelReservation: sessions.cancel_reservation,
        requests.MeterCharging: sessions.meter_charging,
        requests.RecordCharging: offline_charges.ChargeRecorder(rules),
        requests.CountStations: ownership.count_stations,
        requests.TransferStations: ownership.transfer_stations,
        requests.CancelBooking: reservations.cancel_booking,
    }
