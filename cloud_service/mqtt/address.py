"""Where the broker is, and as whom to connect to it."""

from pathlib import Path
from typing import Annotated, TypeAlias

from msgspec import Struct

from cloud_service.config.setting import Section, Setting, SettingError
from cloud_service.config.values import FILE, HOST, NAME, PLACES, PORT, TEXT, Place

_BROKER = Section.BROKER

Port: TypeAlias = Annotated[int, Setting("mqtt_port", PORT, _BROKER, "port of the broker")]
User: TypeAlias = Annotated[
    str | None,
    Setting("mqtt_user", NAME, _BROKER, "account at the broker; an open broker needs none"),
]
Password: TypeAlias = Annotated[
    str | None, Setting("mqtt_password", TEXT, _BROKER, "the account's password", secret=True)
]
AuthorityFile: TypeAlias = Annotated[
    Path | None,
    Setting("mqtt_ca_file", FILE, _BROKER, "authority of the broker's certificate; turns on TLS"),
]
CertificateFile: TypeAlias = Annotated[
    Path | None, Setting("mqtt_certificate_file", FILE, _BROKER, "client certificate, for mutual TLS")
]
KeyFile: TypeAlias = Annotated[
    Path | None, Setting("mqtt_key_file", FILE, _BROKER, "key of the client certificate")
]


class BrokerEndpoint(Struct, frozen=True):
    """Where the broker listens."""

    host: Annotated[str, Setting("mqtt_host", HOST, _BROKER, "host of the broker")] = "127.0.0.1"
    port: Port = 1883


class BrokerAddress(BrokerEndpoint, frozen=True):
    """`user` is the account's name. A `ca_file` turns on TLS; a client certificate is optional."""

    user: User = None
    password: Password = None
    ca_file: AuthorityFile = None
    certificate_file: CertificateFile = None
    key_file: KeyFile = None

    def __repr__(self) -> str:
        """Without the password, because this may be logged."""
        return f"{self.user or 'anonymous'}@{self.host}:{self.port}"


class BrokerAddresses(Struct, frozen=True):
    """One broker, or several that know one account, and whose certificates are of one authority.

    `port` is that of the brokers for which none is named.
    """

    places: Annotated[
        tuple[Place, ...],
        Setting("mqtt_host", PLACES, _BROKER, "host of the broker, or of several: mqtt-1,mqtt-2:1884"),
    ] = (Place("127.0.0.1"),)
    port: Port = 1883
    user: User = None
    password: Password = None
    ca_file: AuthorityFile = None
    certificate_file: CertificateFile = None
    key_file: KeyFile = None

    @property
    def each(self) -> tuple[BrokerAddress, ...]:
        """Their addresses, in the order in which they were named. Raises SettingError for one named twice."""
        places = [Place(place.host, self.port if place.port is None else place.port) for place in self.places]
        for place in places:
            if places.count(place) > 1:
                raise SettingError("--mqtt-host: {place} is named twice", place=place)
        return tuple(
            BrokerAddress(
                place.host,
                place.port or 0,
                self.user,
                self.password,
                self.ca_file,
                self.certificate_file,
                self.key_file,
            )
            for place in places
        )
