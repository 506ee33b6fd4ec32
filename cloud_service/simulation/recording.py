"""Demand from a recording: a CSV file of charging sessions, such as those of ACN-Data."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from math import isfinite
from random import Random
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from cloud_service.language.text import TextError
from cloud_service.simulation.habits import Habits
from cloud_service.simulation.scenario import Place, Scenario, Trip

ARRIVAL: Final = "arrival"
DEPARTURE: Final = "departure"
ANNOUNCED: Final = "announced_departure"
ENERGIES: Final = ("requested_kWh", "delivered_kWh")
"""What a driver asked for counts; where nobody asked, what was charged."""
PLACE: Final = ("x_position", "y_position")
_LEAST_ENERGY: Final = 0.1
"""kWh. Less was no charge."""


class UnusableRecording(TextError):
    """A file has no sessions that can be used."""


class RecordedSession(Struct, frozen=True):
    """A session. `overstay` is how much longer than announced the vehicle stayed; None if nothing was."""

    arrival: datetime
    energy: float
    overstay: timedelta | None = None
    place: tuple[float, float] | None = None


def read_recording(lines: Iterable[str], zone: tzinfo | None) -> list[RecordedSession]:
    """Reads the rows of a CSV file, by arrival; those that charged next to nothing are left out.

    Times without an offset are in `zone`. Raises UnusableRecording.
    """
    reader = csv.DictReader(lines)
    columns = reader.fieldnames or ()
    if ARRIVAL not in columns or not any(name in columns for name in ENERGIES):
        raise UnusableRecording(
            "the file has no columns {arrival} and {energy}; it has: {columns}",
            arrival=ARRIVAL,
            energy=" / ".join(ENERGIES),
            columns=", ".join(columns)[:200],
        )
    sessions = []
    for row in reader:
        try:
            session = _session(row, zone)
        except (ValueError, OverflowError) as error:
            raise UnusableRecording(
                "line {line} is no session: {error}", line=reader.line_num, error=error
            ) from None
        if session.energy >= _LEAST_ENERGY:
            sessions.append(session)
    if not sessions:
        raise UnusableRecording("the file has no sessions")
    return sorted(sessions, key=lambda session: session.arrival)


def _session(row: Mapping[str, str], zone: tzinfo | None) -> RecordedSession:
    departure, announced = _moment(row, DEPARTURE, zone), _moment(row, ANNOUNCED, zone)
    arrival = _moment(row, ARRIVAL, zone)
    if arrival is None:
        raise ValueError(f"{ARRIVAL} is blank")
    energies = (_number(row, name) for name in ENERGIES)
    x, y = (_number(row, name) for name in PLACE)
    return RecordedSession(
        arrival,
        next((energy for energy in energies if energy), 0.0),
        None if departure is None or announced is None else departure - announced,
        None if x is None or y is None else (x, y),
    )


def _moment(row: Mapping[str, str], name: str, zone: tzinfo | None) -> datetime | None:
    text = (row.get(name) or "").strip()
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        return moment
    return moment.astimezone() if zone is None else moment.replace(tzinfo=zone)


def _number(row: Mapping[str, str], name: str) -> float | None:
    text = (row.get(name) or "").strip()
    number = float(text) if text else None
    if number is not None and not isfinite(number):
        raise ValueError(f"{name}: {text}")
    return number


class Recorded(Struct, frozen=True):
    """The sessions of a recording as people who book. What it does not say is drawn by the habits."""

    places: tuple[Place, ...]
    sessions: tuple[RecordedSession, ...]
    habits: Habits

    @classmethod
    def between(
        cls,
        places: Sequence[Place],
        sessions: Sequence[RecordedSession],
        habits: Habits,
        first: date | None,
        days: int | None,
    ) -> "Recorded":
        """Takes the sessions of some days, by default all. People stay as those did who had announced it."""
        first = first or sessions[0].arrival.date()
        last = sessions[-1].arrival.date()
        if days is not None:
            last = first + timedelta(days=min(days - 1, max(0, (last - first).days)))
        within = tuple(session for session in sessions if first <= session.arrival.date() <= last)
        if not within:
            raise UnusableRecording("no session from {first} to {last}", first=first, last=last)
        known = tuple(each.overstay for each in sessions if each.overstay is not None)
        return cls(tuple(places), within, replace(habits, known_overstays=known or habits.known_overstays))

    def scenario(self, seed: int) -> Scenario:
        first, last = self.sessions[0].arrival, self.sessions[-1].arrival
        start = datetime.combine(first.date(), time(), first.tzinfo).astimezone(UTC)
        end = (datetime.combine(last.date(), time(), last.tzinfo) + timedelta(days=1)).astimezone(UTC)
        random = Random(f"trips {seed}")
        trips = tuple(self._trip(session, random) for session in self.sessions)
        breakdowns = self.habits.draw_breakdowns(self.places, start, end, Random(f"breakdowns {seed}"))
        return Scenario(self.places, start, end, trips, tuple(breakdowns))

    def _trip(self, session: RecordedSession, random: Random) -> Trip:
        # Drawn in any case, so that one row's blanks change nothing for the rows after it.
        start, overstay = self.habits.draw_start(self.places, random), self.habits.draw_overstay(random)
        x, y = session.place or start
        wanted = session.arrival.astimezone(UTC)
        return Trip(
            at=wanted - self.habits.draw_ahead(random),
            wanted=wanted,
            x=x,
            y=y,
            energy=session.energy,
            comes=self.habits.draw_comes(random),
            late=self.habits.draw_late(random),
            overstay=overstay if session.overstay is None else session.overstay,
        )
