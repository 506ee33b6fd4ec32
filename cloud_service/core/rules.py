"""The times and limits of section 5 of the contract. Each is a setting; 0 turns its behaviour off."""

from datetime import timedelta, tzinfo
from typing import Final

from msgspec import Struct

NEVER: Final = timedelta(0)
"""The behaviour is turned off."""


class Rules(Struct, frozen=True):
    """What the network goes by. `zone` is that of tariffs; None is the machine's."""

    longest_charge: timedelta = timedelta(days=30)
    horizon: timedelta = timedelta(days=30)
    """No charge starts later than this from now; 0: no limit."""
    early_start: timedelta = timedelta(minutes=15)
    """A session may begin this long before its reservation; and as long before one, no walk-in is let in."""
    no_show: timedelta = timedelta(minutes=15)
    """A reservation whose session has not begun this long after its start is a no-show."""
    walk_in: timedelta = timedelta(hours=1)
    """How long a session without a reservation holds a point, where its charger does not say."""
    overrun: timedelta = timedelta(minutes=15)
    """A session that lasts longer holds its point for this long again; 0: not at all."""
    silence: timedelta = timedelta(hours=12)
    """A session ends when its charger has said nothing for this long after its finish; 0: it does not."""
    offline: timedelta = timedelta(minutes=5)
    """A charger that has been offline for this long is out of order; 0: it never is."""
    failure_ahead: timedelta = timedelta(minutes=30)
    """What starts within this time on a point that is out of order moves; 0: nothing does."""
    move_up: timedelta = timedelta(minutes=5)
    """By how much a flexible reservation has to start earlier to be moved; 0: none is."""
    stations_considered: int = 200
    """How many of the nearest stations that fit an objective looks at; `nearest` looks at one."""
    zone: tzinfo | None = None


DEFAULT_RULES: Final = Rules()
