"""Limits the new bookings of each source: TCP has no login, and one client must not book every point.

A source is an IPv4 address, or the /64 network of an IPv6 address: who has one address there has all of them.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from secrets import token_hex
from typing import Any, Final, Protocol, TypeAlias

from cloud_service.gateway.refusals import Refusals
from cloud_service.protocol.errors import Busy, NotFound
from cloud_service.protocol.requests import FindReservation, Request, ScheduleReservation

WINDOW_SECONDS: Final = 3600.0
_NETWORK_BITS: Final = 64

Booking: TypeAlias = tuple[int, int, int]
"""A reservation: its station, its point, its own ID."""


class RequestSender(Protocol):
    """The part of Requester that the gateway uses."""

    async def request(
        self,
        action: str,
        values: Mapping[str, Any] | Request,
        *,
        request_id: str | None = None,
        timeout: float = 10.0,  # noqa: ASYNC109
    ) -> Any: ...


class TooManyBookings(Busy):
    """This address has made as many new bookings within an hour as it may."""


class BookingLimit:
    """Counts the bookings of each source within WINDOW_SECONDS. Pure: time is passed in."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._asked: defaultdict[str, int] = defaultdict(int)
        """Bookings that have been asked for and not answered."""
        self._made: dict[str, set[Booking]] = {}
        self._in_order: deque[tuple[float, str, Booking]] = deque()

    def admit(self, source: str, now: float) -> bool:
        """Whether the source may ask for a booking. If so, `settle` has to follow."""
        self._forget_older(now - WINDOW_SECONDS)
        if len(self._made.get(source, ())) + self._asked[source] >= self._most:
            return False
        self._asked[source] += 1
        return True

    def settle(self, source: str, booking: Booking | None, now: float) -> None:
        """Takes note of the reservation that was the answer, which may be an earlier one, or of none."""
        self._asked[source] -= 1
        if not self._asked[source]:
            del self._asked[source]
        if booking is None or booking in self._made.get(source, ()):
            return
        self._made.setdefault(source, set()).add(booking)
        self._in_order.append((now, source, booking))

    def _forget_older(self, oldest: float) -> None:
        while self._in_order and self._in_order[0][0] <= oldest:
            _, source, booking = self._in_order.popleft()
            self._made[source].discard(booking)
            if not self._made[source]:
                del self._made[source]


class Bookings:
    """Passes requests on to the requester, except new bookings beyond the limit of their source."""

    def __init__(self, requester: RequestSender, most: int) -> None:
        self._requester = requester
        self._limit = BookingLimit(most)
        self._refusals = Refusals("bookings refused")
        self._reason = f"at the limit of {most} new bookings per address and hour"

    def of(self, host: str) -> RequestSender:
        """The requester for clients at this address. It may also raise TooManyBookings."""
        return _Limited(self._requester, self._limit, host, self._refuse)

    def close(self) -> None:
        """Logs what was refused and not logged yet."""
        self._refusals.close()

    def _refuse(self, host: str) -> TooManyBookings:
        self._refusals.note(host, self._reason)
        return TooManyBookings()


class _Limited:
    """The requester for one address."""

    def __init__(
        self,
        requester: RequestSender,
        limit: BookingLimit,
        host: str,
        refuse: Callable[[str], TooManyBookings],
    ) -> None:
        self._requester = requester
        self._limit = limit
        self._host = host
        self._source = source_of(host)
        self._refuse = refuse
        self._clock = asyncio.get_running_loop().time

    async def request(
        self,
        action: str,
        values: Mapping[str, Any] | Request,
        *,
        request_id: str | None = None,
        timeout: float = 10.0,  # noqa: ASYNC109
    ) -> Any:
        if not isinstance(values, ScheduleReservation):
            return await self._requester.request(action, values, request_id=request_id, timeout=timeout)
        if not self._limit.admit(self._source, self._clock()):
            return await self._find(values, timeout)
        booking = None
        try:
            made = await self._requester.request(action, values, request_id=request_id, timeout=timeout)
            booking = (made["chargingStationID"], made["chargingPointID"], made["reservationID"])
        finally:
            self._limit.settle(self._source, booking, self._clock())
        return made

    async def _find(self, wanted: ScheduleReservation, timeout: float) -> Any:  # noqa: ASYNC109
        """Answers a vehicle that has a reservation with that one, which is not a new booking."""
        find = FindReservation(wanted.vehicle_id)
        try:
            return await self._requester.request(
                "findReservation", find, request_id=token_hex(16), timeout=timeout
            )
        except NotFound:
            raise self._refuse(self._host) from None


def plain_address(host: str) -> IPv4Address | IPv6Address:
    """Returns an IPv4 client's own address even on an IPv6 socket, and omits a link-local one's interface."""
    address = ip_address(host.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=1_000)
def source_of(host: str) -> str:
    """Returns what counts as one source of bookings."""
    address = plain_address(host)
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Address(int(address) >> _NETWORK_BITS << _NETWORK_BITS))
