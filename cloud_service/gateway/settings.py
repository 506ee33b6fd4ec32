"""What the gateway is started with."""

from ipaddress import IPv4Network, IPv6Network

from msgspec import Struct

from cloud_service.mqtt.address import BrokerAddress


class GatewaySettings(Struct, frozen=True):
    """Times are in seconds."""

    broker: BrokerAddress = BrokerAddress()
    account: str = "gateway"
    """The name under which the gateway asks and tells its presence: `gateway` or `gateway-...`."""
    host: str = "127.0.0.1"
    port: int = 64352
    """0 takes a free one, which the log tells."""
    time_zone: str | None = None
    """IANA name of the zone of the dates in replies; None is the machine's."""
    deadline: float = 10.0
    """For a request that is whole, asking again included."""
    request_timeout: float = 30.0
    """From a request's first byte to its last."""
    idle_timeout: float = 300.0
    """Without a byte."""
    linger: float = 5.0
    """After a `Sucesso` or a `None` that nothing follows."""
    write_timeout: float = 30.0
    """For the client to take a reply in."""
    max_connections: int = 4000
    max_connections_per_address: int = 1000
    max_requests: int = 500
    """Asked of the service at once; more wait their turn."""
    allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Where clients may come from; empty means from everywhere."""
