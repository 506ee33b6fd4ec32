"""Where the broker is, and as whom to connect to it."""

from pathlib import Path

from msgspec import Struct


class BrokerAddress(Struct, frozen=True):
    """`user` is the account's name. With a `ca_file` TLS is used; a device's own certificate is optional."""

    host: str = "127.0.0.1"
    port: int = 1883
    user: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    def __repr__(self) -> str:
        """Without the password: this may be logged."""
        return f"{self.user or 'anonymous'}@{self.host}:{self.port}"
