"""The screens of `status`, `stations` and `watch`: 60 columns, two languages, no vehicles' names."""

import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console, ConsoleDimensions

from cloud_service.cli.overview_words import describe_event, describe_length, describe_since
from cloud_service.cli.stations import Options, select, stations_table
from cloud_service.cli.status_screen import Address, Bookings, Status, show
from cloud_service.cli.watch_screen import screen
from cloud_service.language.language import ENGLISH, Language
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.overview.overview import Overview
from cloud_service.overview.records import Event, Reservation, ServiceState
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)
BOOKED = Event("reservationScheduled", NOW, Reservation(1, 1, 2, SOON, SOON + timedelta(hours=1), "ana"))


def network(stations: int = 2, *, service: bool = True) -> Overview:
    """Stations with a free and an occupied point, in a row to the east."""
    overview = Overview()
    overview.connected()

    def send(topic: str, body: dict[str, Any]) -> None:
        overview.receive(Message(topic, json.dumps(body).encode()), NOW)

    send(topics.service("cloud_service"), {"online": service, "version": "1.0", "since": NOW.isoformat()})
    for number in range(1, stations + 1):
        name = "A car park with a name that is longer than any screen is wide, " * 2 if number == 2 else None
        send(topics.station_state(number), {"x_position": number, "y_position": 0, "name": name})
        for point, availability in ((1, "livre"), (2, "ocupado")):
            send(
                topics.point_state(number, point),
                {"power": 22, "kWhPrice": 0.9, "availability": availability, "queueLength": point - 1},
            )
    send(topics.event("ana", "reservationScheduled"), EVENT)
    return overview


EVENT = {
    "type": "reservationScheduled",
    "at": NOW.isoformat(),
    "reservation": {
        "reservationID": 1,
        "chargingStationID": 1,
        "chargingPointID": 2,
        "vehicleID": "ana",
        "startDateTime": SOON.isoformat(),
        "finishDateTime": SOON.isoformat(),
    },
}


def printed(*pictures: Any, width: int = 60, encoding: str = "ascii") -> list[str]:
    """The lines on a screen that is so wide and has no other characters."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")
    console = Console(file=stream, width=width, markup=False, highlight=False)
    for picture in pictures:
        console.print(picture)
    stream.flush()
    return stream.buffer.getvalue().decode(encoding).splitlines()


def watched(overview: Overview, *, height: int = 24, with_vehicles: bool = False) -> list[str]:
    return printed(
        screen(overview, NOW, ENGLISH, size=ConsoleDimensions(60, height), with_vehicles=with_vehicles)
    )


def test_watch_shows_points_queues_and_events_in_sixty_columns() -> None:
    lines = watched(network())
    assert max(map(len, lines)) <= 60
    assert "The network is running" in lines[0]
    assert "Points: 2 free, 0 reserved, 2 occupied, 0 out of order" in lines
    assert sum("occupied" in line for line in lines) == 3
    assert "Station 1, point 2: reserved from" in lines[-1]


def test_watch_has_whole_headings_and_times_in_sixty_columns(portuguese: Language) -> None:
    overview, free_from = network(), datetime(2031, 12, 30, 22, 43).astimezone()
    body = {
        "power": 7.2,
        "kWhPrice": 0.9,
        "availability": "ocupado",
        "queueLength": 2,
        "freeFrom": free_from.isoformat(),
        "session": {"since": NOW.isoformat(), "until": free_from.isoformat()},
    }
    overview.receive(Message(topics.point_state(1, 1), json.dumps(body).encode()), NOW)
    size = ConsoleDimensions(60, 24)
    lines = printed(screen(overview, NOW, portuguese, size=size, with_vehicles=False), encoding="utf-8")
    assert max(map(len, lines)) <= 60
    assert any(
        line.split() == ["Estação", "Ponto", "kW", "Estado", "Fila", "Livre", "em"] for line in lines
    ), lines
    assert any(line.split()[-4:] == ["carregando", "2", "30/12", "22:43"] for line in lines), lines


def test_watch_shows_the_power_that_the_charger_of_a_session_tells() -> None:
    overview = network()
    session = {"since": NOW.isoformat(), "until": NOW.isoformat(), "power": 6.5, "energy": 1.25}
    body = {"power": 7.2, "kWhPrice": 0.9, "availability": "ocupado", "session": session}
    overview.receive(Message(topics.point_state(1, 1), json.dumps(body).encode()), NOW)
    row = next(line for line in watched(overview) if "charging" in line)
    assert re.search(r"\b6\.5 *\|charging", row), row


def test_watch_names_vehicles_to_operators_only() -> None:
    assert not any("ana" in line for line in watched(network()))
    text = describe_event(BOOKED, None, ENGLISH, with_vehicle=True)
    assert text.endswith("(ana)")


def test_watch_shows_what_changed_last_where_not_everything_fits() -> None:
    overview = network(40)
    lines = watched(overview, height=20)
    assert len(lines) <= 20
    assert any(line.strip("|").startswith("40 (40, 0)") for line in lines)
    assert not any(line.strip("|").startswith("1 (1, 0)") for line in lines)


def test_watch_says_first_what_is_wrong() -> None:
    assert "The cloud service is not running" in watched(network(service=False))[0]
    overview = network()
    overview.disconnected()
    assert "The connection to the network is lost" in watched(overview)[0]


def listed(overview: Overview, **options: Any) -> list[int]:
    asked = Options(broker=BrokerAddress(), **options)
    return [station.number for station in select(list(overview.known_stations()), asked)]


def test_stations_are_sorted_and_filtered() -> None:
    overview = network(3)
    overview.receive(Message(topics.point_state(3, 1), b""), NOW)
    assert listed(overview) == [1, 2, 3]
    assert listed(overview, near=(3, 1)) == [3, 2, 1]
    assert listed(overview, near=(2, 0), limit=2) == [2, 1]
    assert listed(overview, free=True) == [1, 2]
    body = {"power": 22, "kWhPrice": 0.9, "availability": "livre", "operational": False}
    overview.receive(Message(topics.point_state(3, 2), json.dumps(body).encode()), NOW)
    assert listed(overview, offline=True) == [3]


def test_stations_are_found_by_what_describes_them() -> None:
    assert listed(network(3), search="CAR PARK") == [2]
    assert listed(network(3), search="3") == [3]
    assert listed(network(3), search="airport") == []


def test_the_list_fits_into_sixty_columns(portuguese: Language) -> None:
    stations = list(network().known_stations())
    for say, encoding in ((ENGLISH, "ascii"), (portuguese, "utf-8")):
        lines = printed(stations_table(stations, (0, 0), say, width=60), encoding=encoding)
        assert max(map(len, lines)) <= 60
        assert sum("1/2" in line for line in lines) == 2


def status(**more: Any) -> Status:
    values: dict[str, Any] = {
        "at": NOW,
        "is_running": True,
        "services": [ServiceState("cloud_service", True, (NOW - timedelta(days=3)).isoformat(), "1.0")],
        "addresses": [
            Address("MQTT", "127.0.0.1:1883", True),
            Address("TCP", "127.0.0.1:64352", True),
            Address("HTTP", "http://127.0.0.1:8080/", False),
        ],
        "figures": network().figures(NOW),
        "bookings": Bookings(1, [BOOKED.reservation], 7, {1: "Praça"}),
        "online": [f"vehicle-{number}" for number in range(10)],
        "gone": [],
    }
    return Status(**{**values, **more})


def shown(status: Status, say: Language = ENGLISH) -> str:
    stream = io.StringIO()
    show(status, Console(file=stream, width=60, markup=False, highlight=False), say)
    assert max(map(len, stream.getvalue().splitlines())) <= 60
    return " ".join(stream.getvalue().split())


def test_status_has_everything_on_one_screen() -> None:
    text = shown(status())
    for part in (
        "cloud_service running since",
        "(3 d) 1.0",
        "MQTT 127.0.0.1:1883",
        "Stations 2 with a free point, 0 busy, 0 out of order, 0 offline, 0 without points",
        "2 free, 0 reserved, 2 occupied (44 kW)",
        "2, of which under way: 1",
        "Praça (1), point 2",
        "Map http://127.0.0.1:8080/ does not answer",
        "not asked about: 7 stations",
        "10: vehicle-0,",
        "Gone 0 Problems none",
    ):
        assert part in text


def test_status_names_problems(portuguese: Language) -> None:
    stopped = status(
        is_running=False,
        services=[
            ServiceState("cloud_service", False, None, None),
            ServiceState("gateway", True, (NOW - timedelta(minutes=7)).isoformat(), None, 3),
        ],
        addresses=[Address("TCP", "127.0.0.1:64352", False)],
        bookings=None,
    )
    text = shown(stopped)
    assert "cloud_service not running" in text
    assert "TCP 127.0.0.1:64352 does not answer" in text
    assert "Problems The cloud service is not running" in text
    assert "gateway was started in the last hour" in text
    assert "errors of gateway in the last hour: 3; see its log" in text
    assert "Nobody listens at 127.0.0.1:64352" in text
    assert "Problemas O serviço não está em execução" in shown(stopped, portuguese)


@pytest.mark.parametrize(
    ("minutes", "text"), [(-3, "0 min"), (119, "119 min"), (120, "2 h"), (2879, "47 h"), (2880, "2 d")]
)
def test_a_length_of_time_has_its_largest_unit(minutes: int, text: str) -> None:
    assert describe_length(timedelta(minutes=minutes), ENGLISH) == text


@pytest.mark.parametrize("since", [None, "", "yesterday"])
def test_what_is_no_moment_is_left_out(since: str | None) -> None:
    assert describe_since(since, NOW, ENGLISH) == ""


MOVED = Event(
    "reservationChanged",
    NOW,
    Reservation(2, 1, 1, SOON, SOON + timedelta(hours=1), "ana"),
    "overrun",
    before=BOOKED.reservation,
)


@pytest.mark.parametrize(
    ("event", "english", "in_portuguese"),
    [
        (
            MOVED,
            ("reservation moved, now", ": another vehicle stays longer at the point"),
            ("reserva transferida, agora", ": outro veículo demora mais no ponto"),
        ),
        (
            replace(BOOKED, type="reservationNoShow", reason="noShow"),
            ("no-show, the point is free again",),
            ("não compareceu, o ponto está livre de novo",),
        ),
        (
            replace(BOOKED, type="reservationCancelled", reason="pointFailed"),
            ("reservation cancelled: the point is out of order",),
            ("reserva cancelada: o ponto está fora de serviço",),
        ),
        (
            replace(BOOKED, type="reservationFinished", reason="chargingFinished"),
            ("reservation over: the charge has finished",),
            ("reserva encerrada: a recarga terminou",),
        ),
    ],
)
def test_events_say_why(
    event: Event, english: tuple[str, ...], in_portuguese: tuple[str, ...], portuguese: Language
) -> None:
    for say, parts in ((ENGLISH, english), (portuguese, in_portuguese)):
        text = describe_event(event, None, say, with_vehicle=False)
        assert [part for part in parts if part not in text] == [], text


def test_screens_show_sessions_and_points_out_of_order(portuguese: Language) -> None:
    overview = network(1)
    session = {"since": NOW.isoformat(), "until": SOON.isoformat()}
    for point, more in ((1, {"operational": False}), (2, {"availability": "ocupado", "session": session})):
        body = {"power": 22, "kWhPrice": 0.9, "availability": "livre", **more}
        overview.receive(Message(topics.point_state(1, point), json.dumps(body).encode()), NOW)
    lines = watched(overview)
    assert max(map(len, lines)) <= 60
    assert "Points: 0 free, 0 reserved, 1 occupied, 1 out of order" in lines
    assert any("out of order" in line and "1 (1, 0)" in line for line in lines)
    assert any("charging" in line for line in lines)
    text = shown(status(figures=overview.figures(NOW)))
    assert "0 free, 0 reserved, 1 occupied (22 kW), 1 out of order; sessions under way: 1" in text
    listed_stations = list(overview.known_stations())
    for say, words in ((ENGLISH, "1 out of order"), (portuguese, "1 fora de serviço")):
        rows = printed(stations_table(listed_stations, None, say, width=60), encoding="utf-8")
        assert any(words in row for row in rows)
