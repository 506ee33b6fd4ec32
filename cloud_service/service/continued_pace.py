"""How time passes in the network across restarts of the service: it must not go back.

What was promised for next week would otherwise be a week away once more.
"""

from datetime import datetime

from cloud_service.service.clock import Pace
from cloud_service.store.filesystem import Folder
from cloud_service.store.names import CLOCK
from cloud_service.store.network_clock import NetworkClock, read_clock, write_clock


def continued_pace(folder: Folder, speed: float, now: datetime) -> Pace:
    """Returns the pace of a network that is started at this moment, and notes it in the folder.

    Time goes on as it did, also while the service was stopped. With another speed, it goes on from where it
    is. With a speed of 1 it is the clients' time. Raises DamagedStore and OSError.
    """
    known = read_clock(folder)
    if speed == 1:
        if known is not None:
            folder.remove(CLOCK)
        return Pace(now)
    pace = (
        Pace(now, speed) if known is None else _from_where_it_is(Pace(known.since, known.speed), speed, now)
    )
    write_clock(folder, NetworkClock(pace.since, pace.speed))
    return pace


def _from_where_it_is(before: Pace, speed: float, now: datetime) -> Pace:
    if before.speed == speed:
        return before
    ahead = before.at(now) - now
    return Pace(now - ahead / (speed - 1), speed)
