"""Presence: retained messages that say whether a client or a process is online (docs/mqtt.md, Presence)."""

from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct, field
from msgspec.structs import replace

from cloud_service import __version__
from cloud_service.protocol import topics
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.messages import Message

OUT_OF_ORDER_AFTER: Final = timedelta(minutes=5)
"""How long a charger is offline before its points are out of order, unless the service says otherwise."""


class Presence(Struct, frozen=True, omit_defaults=True):
    """What a presence message says. Only the service and the gateway give more than `online`."""

    online: bool
    version: str | None = None
    since: str | None = None
    """When the process started, in ISO 8601."""
    now: str | None = None
    """When the message was written, in ISO 8601. The processes repeat it at intervals."""
    clock_speed: float | None = field(name="clockSpeed", default=None)
    """How many times as fast time passes in the network, since `clock_since`; None: as fast as here."""
    clock_since: str | None = field(name="clockSince", default=None)
    """When the network's time was that of its clients, in ISO 8601; None: when the service started."""
    offline_minutes: Annotated[float, Meta(ge=0, le=1e9)] | None = field(name="offlineMinutes", default=None)
    """After how long offline a charger's points are out of order; 0: they never are; None: 5 minutes."""

    through: str | None = None
    """The process that speaks for the client; None: it speaks for itself."""

    @property
    def out_of_order_after(self) -> timedelta:
        return OUT_OF_ORDER_AFTER if self.offline_minutes is None else timedelta(minutes=self.offline_minutes)

    @property
    def speed(self) -> float:
        return self.clock_speed or 1.0

    def network_time(self, now: datetime) -> datetime:
        """The network's time at this moment, as the service's presence says."""
        if self.speed == 1:
            return now
        try:
            since = datetime.fromisoformat(self.clock_since or self.since or "")
            return since + (now - since) * self.speed
        except (
            ValueError,
            TypeError,
            OverflowError,
        ):  # not a moment, or without an offset, or beyond the calendar
            return now


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Presence).decode


def client_presence(client: str, *, online: bool, through: str | None = None) -> Message:
    """Returns the presence message of a charger, a vehicle or a tool; `through` is who speaks for it."""
    return Message(topics.presence(client), _encode(Presence(online, through=through)), retain=True)


def process_presence(
    name: str,
    *,
    online: bool,
    since: datetime,
    now: datetime,
    errors: int | None = None,
    clock_speed: float = 1.0,
    out_of_order_after: timedelta = OUT_OF_ORDER_AFTER,
    clock_since: datetime | None = None,
) -> Message:
    """Returns the presence message of the service or the gateway.

    `errors` is how many it has logged in the last hour, which is told beside the body.
    """
    minutes = None if out_of_order_after == OUT_OF_ORDER_AFTER else out_of_order_after / timedelta(minutes=1)
    presence = Presence(online, __version__, since.isoformat(), now.isoformat(), offline_minutes=minutes)
    if clock_speed != 1:
        began = (clock_since or since).isoformat()
        presence = replace(presence, clock_speed=clock_speed, clock_since=began)
    return Message(topics.service(name), _encode(presence), retain=True, errors=errors)


def read_presence(payload: bytes) -> Presence:
    """Raises BadRequest if the payload is not a presence message."""
    try:
        return _decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadRequest(f"not a presence message: {error}") from None
