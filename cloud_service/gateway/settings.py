"""The settings of the gateway."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from msgspec import Struct

from cloud_service.config.setting import Section, Setting
from cloud_service.config.shared import TimeZone
from cloud_service.config.values import COUNT, HOST, NETWORKS, PORT, SECONDS

_TCP = Section.TCP
_LIMITS = Section.GATEWAY_LIMITS


class GatewayAddress(Struct, frozen=True):
    """Where the gateway listens. Port 0 picks a free port, which the gateway logs."""

    host: Annotated[str, Setting("tcp_host", HOST, _TCP, "address of the gateway")] = "127.0.0.1"
    port: Annotated[int, Setting("tcp_port", PORT, _TCP, "port of the gateway")] = 64352


class GatewaySettings(GatewayAddress, frozen=True):
    """Times are in seconds."""

    time_zone: TimeZone = None
    """The zone of the dates in replies."""
    deadline: Annotated[
        float, Setting("tcp_deadline", SECONDS, _LIMITS, "longest wait for the reply to a complete request")
    ] = 10.0
    """Includes asking again."""
    request_timeout: Annotated[
        float,
        Setting(
            "tcp_request_timeout", SECONDS, _LIMITS, "longest time from a request's first byte to its last"
        ),
    ] = 30.0
    idle_timeout: Annotated[
        float, Setting("tcp_idle_timeout", SECONDS, _LIMITS, "time after which a silent connection is closed")
    ] = 300.0
    linger: Annotated[
        float,
        Setting("tcp_linger", SECONDS, _LIMITS, "time that a connection stays open after Sucesso or None"),
    ] = 5.0
    write_timeout: Annotated[
        float, Setting("tcp_write_timeout", SECONDS, _LIMITS, "longest time for a client to read a reply")
    ] = 30.0
    max_connections: Annotated[
        int,
        Setting("tcp_max_connections", COUNT, _LIMITS, "connections at once"),
    ] = 4000
    max_connections_per_address: Annotated[
        int,
        Setting("tcp_max_connections_per_address", COUNT, _LIMITS, "connections at once from one address"),
    ] = 1000
    max_bookings_per_address: Annotated[
        int,
        Setting("tcp_max_bookings_per_address", COUNT, _LIMITS, "new bookings from one address in an hour"),
    ] = 10_000
    max_requests: Annotated[
        int, Setting("tcp_max_requests", COUNT, _LIMITS, "requests at once; further ones wait")
    ] = 500
    allowed_networks: Annotated[
        tuple[IPv4Network | IPv6Network, ...],
        Setting(
            "tcp_allowed_networks",
            NETWORKS,
            _LIMITS,
            "networks that clients may connect from, such as 192.0.2.0/24,2001:db8::/32; empty allows all",
        ),
    ] = ()
