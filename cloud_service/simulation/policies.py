"""Policies: how vehicles book, and which rules the network goes by."""

from datetime import datetime, timedelta
from typing import Final, Self

from msgspec import Struct

from cloud_service.core.objectives import OBJECTIVES
from cloud_service.core.queue import MARGIN, Queue
from cloud_service.core.rules import DEFAULT_RULES, NEVER, Rules
from cloud_service.core.wishes import ObjectiveName
from cloud_service.language.text import TextError
from cloud_service.simulation.scenario import Conditions

SEED: Final = "seed"
"""The rule of the network's first server: the nearest station, and there the shortest queue."""

DEFAULT_NAMES: Final = (
    SEED,
    "nearest",
    "earliest",
    "soonest",
    "cheapest",
    "nearest+flexible",
    "soonest-gaps",
    "soonest-noshows",
    "soonest-moves",
    "soonest+flexible",
)


class UnknownPolicy(TextError):
    """No policy has this name."""


class GaplessQueue(Queue):
    """A queue in which a new reservation always comes last."""

    def earliest_start(self, opens: datetime, duration: timedelta) -> datetime:
        return opens if self.free_from is None else max(opens, self.free_from + MARGIN)


class Policy(Struct, frozen=True):
    """A policy. `objective` is None for the old server's rule.

    `gaps`: charges are booked into gaps of a queue. `no_shows`: the time of people who do not come is
    released. `moves`: what cannot be kept moves, and broken points take no bookings. `flexible`: all
    bookings may move up.
    """

    name: str
    objective: ObjectiveName | None
    gaps: bool = True
    no_shows: bool = True
    moves: bool = True
    flexible: bool = False

    @classmethod
    def named(cls, name: str) -> Self:
        """Reads an objective or `seed`, and what is taken from it or added: `soonest-gaps+flexible`.

        Raises UnknownPolicy.
        """
        base, *parts = name.replace("+", " +").replace("-", " -").split(" ")
        changes = {part[1:].replace("noshows", "no_shows"): part[0] == "+" for part in parts}
        known = {"gaps": False, "no_shows": False, "moves": False, "flexible": True}
        if any(known.get(key) is not wanted for key, wanted in changes.items()):
            base = ""
        if base == SEED and not changes:
            return cls(name, None, gaps=False, no_shows=False, moves=False)
        for objective in OBJECTIVES:
            if objective == base:
                return cls(name, objective, **changes)
        raise UnknownPolicy(
            "{name!r} is not a policy: seed, or one of {objectives}, with any of "
            "-gaps, -noshows, -moves and +flexible",
            name=name,
            objectives=", ".join(OBJECTIVES),
        )

    def rules(self, conditions: Conditions) -> Rules:
        """The rules of a service with this policy. No charger is silent while a vehicle is there."""
        return Rules(
            silence=NEVER,
            zone=conditions.zone,
            no_show=DEFAULT_RULES.no_show if self.no_shows else NEVER,
            overrun=DEFAULT_RULES.overrun if self.moves else NEVER,
            failure_ahead=DEFAULT_RULES.failure_ahead if self.moves else NEVER,
            move_up=DEFAULT_RULES.move_up if self.flexible else NEVER,
        )

    def new_queue(self) -> Queue:
        """A point's queue."""
        return Queue() if self.gaps else GaplessQueue()
