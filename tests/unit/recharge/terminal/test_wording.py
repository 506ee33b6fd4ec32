"""The words for reports and errors, in both languages."""

import errno
import socket
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from cloud_service.language.language import ENGLISH, Language
from cloud_service.protocol.errors import ERRORS
from recharge import (
    BrokerRefused,
    ClocksDiffer,
    Conflict,
    CutReply,
    Event,
    NobodyListens,
    NotFound,
    OutcomeUnknown,
    Refused,
    Station,
)
from recharge.simulator import observer
from recharge.simulator.registration import RegisteredStation
from recharge.simulator.saved_station import SavedStationError
from recharge.station_import.afdc import InvalidLine, MissingColumns, TooManyRows
from recharge.station_import.lines import UnreadableText
from recharge.terminal.tables import station_line
from recharge.terminal.wording import call_station, describe, describe_failure, explain
from tests.unit.recharge.samples import OFFER, START, moved, point, reservation

MOVES = ("overrun", "pointFailed", "movedUp", "pointChanged", "unheard of")
ENDED = [
    Event("reservationNoShow", START, reservation(), "noShow"),
    Event("reservationCancelled", START, reservation(), "overrun"),
    Event("reservationCancelled", START, reservation(), "pointFailed"),
    Event("reservationCancelled", START, reservation(), "chargerCancelled"),
]
REPORTS: list[observer.Report] = [
    observer.Booked(reservation(), 2.5),
    observer.AlreadyReserved(),
    observer.NothingBooked(),
    observer.ReservationCancelled(),
    observer.Offered([OFFER]),
    *(observer.ReservationLost(event) for event in ENDED),
    *(observer.ReservationMoved(moved(reservation(), reason=reason), 2.5) for reason in MOVES),
    observer.StationMoved(),
    observer.ChargingStarted(reservation()),
    observer.ChargingFinished(reservation(), 100, 50, 45),
    observer.ChargingFinished(reservation(), 80, 12.5, 11.25),
    *(
        observer.EventReceived(Event(kind, START, reservation()))
        for kind in get_args(get_type_hints(Event)["type"])
    ),
    observer.NeverComes(),
    observer.StaysLonger(25),
    observer.VehicleLeft(reservation()),
    *(observer.EventReceived(moved(reservation(), reason=reason)) for reason in MOVES),
    *(observer.EventReceived(event) for event in ENDED),
    observer.PointOccupied(2, "ana"),
    observer.PointFreed(2),
    observer.PointFailed(point()),
    observer.PointRepaired(point()),
    observer.ChargingRefused("ana", 2, Conflict("vehicle ana charges elsewhere")),
    observer.PointRemoved(2),
    observer.RequestFailed(NotFound("there is no station 3")),
    observer.ConnectionLost(),
    observer.ConnectionRestored(),
]


def refused_connection() -> ConnectionError:
    error = ConnectionError("the broker anonymous@127.0.0.1:1 cannot be reached: refused")
    error.__cause__ = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
    return error


ERRORS_THAT_PEOPLE_SEE: list[Exception] = [
    *(error() for error in ERRORS.values()),
    Refused(),
    OutcomeUnknown("no reply to findReservation"),
    ClocksDiffer("no reply to findReservation", -9.0),
    ClocksDiffer("no reply to findReservation", 9.0),
    NobodyListens("nobody receives requests at this broker"),
    CutReply("12 bytes"),
    BrokerRefused("the broker refused the login"),
    BrokerRefused("the broker refused the login: Not authorized", "ana@127.0.0.1:1883"),
    refused_connection(),
    ConnectionError("the connection is closed"),
    SavedStationError(Path("/state.json"), "read", ValueError("Expected `object`")),
    SavedStationError(Path("/state.json"), "write", PermissionError(errno.EACCES, "Permission denied")),
    MissingColumns(["ID"], ["name"]),
    MissingColumns(["ID"], []),
    TooManyRows(),
    UnreadableText("archive"),
    UnreadableText("damaged"),
    UnreadableText("long line"),
    UnreadableText("too large"),
    InvalidLine(2, "',' expected"),
    FileNotFoundError(errno.ENOENT, "No such file or directory"),
    socket.gaierror(-2, "Name or service not known"),
    TimeoutError("timed out"),
    OSError(errno.EIO, "Input/output error"),
]


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: type(report).__name__)
def test_a_report_is_described_in_both_languages(report: observer.Report, portuguese: Language) -> None:
    assert describe(report, ENGLISH)
    assert describe(report, portuguese) != describe(report, ENGLISH)


def test_a_charge_that_costs_less_than_promised_says_how_much_was_promised() -> None:
    finished = observer.ChargingFinished(reservation(), 80, 12.5, 11.25)
    assert "12.5 of 50.0 kWh, for 11.25 instead of 45.00" in describe(finished, ENGLISH)


def test_the_reports_above_are_all() -> None:
    assert {type(report) for report in REPORTS} == set(get_args(observer.Report))


@pytest.mark.parametrize("error", ERRORS_THAT_PEOPLE_SEE, ids=repr)
def test_an_error_is_explained_without_its_english_text(error: Exception, portuguese: Language) -> None:
    assert explain(error, ENGLISH) == str(error)
    assert str(error) not in explain(error, portuguese)


def test_each_refusal_has_its_own_words(portuguese: Language) -> None:
    refusals = [error() for error in ERRORS.values()]
    assert len({explain(error, portuguese) for error in refusals}) == len(refusals)


def test_a_failure_says_whether_the_network_refused_or_did_not_answer() -> None:
    assert describe_failure(NotFound("no"), ENGLISH) == "The network refuses: no"
    assert describe_failure(OutcomeUnknown("late"), ENGLISH) == "The network does not answer: late"


def test_a_connection_that_ended_has_no_cause(portuguese: Language) -> None:
    assert explain(ConnectionError("closed"), portuguese) == "a conexão foi encerrada"


def test_a_refused_connection_is_explained_by_its_cause(portuguese: Language) -> None:
    assert explain(refused_connection(), portuguese) == "não foi possível conectar: conexão recusada"


@pytest.mark.parametrize(
    ("name", "called"),
    [
        (None, "7"),
        ("", "7"),
        ("\n", "7"),
        ("Town hall", "7 (Town hall)"),
        ("Praça da Sé", "7 (Praça da Sé)"),
        ("a\x1b[2Jb", "7 (a [2Jb)"),
    ],
)
def test_a_station_is_called_by_its_name_too(name: str | None, called: str) -> None:
    assert call_station(7, Station(7, 1, 1, name)) == called
    assert call_station(7, None) == "7"


def test_a_booking_and_a_charger_name_their_station() -> None:
    booked = observer.Booked(reservation(), 2.5, Station(reservation().station_id, 1, 1, "Town hall"))
    assert f"of station {reservation().station_id} (Town hall)," in describe(booked, ENGLISH)
    registered = RegisteredStation(Station(242, -7.3, 4.1, "Town hall"), ())
    assert station_line(registered, ENGLISH).startswith("Station 242 (Town hall) at (-7.3, 4.1)")
