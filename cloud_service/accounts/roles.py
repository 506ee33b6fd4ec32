"""Who asks: what an account may do follows from its name."""

from typing import Literal, TypeAlias

from msgspec import UNSET, Struct, UnsetType

from cloud_service.core.records import GATEWAY, VehicleKey
from cloud_service.protocol.errors import BadRequest, Forbidden

Role: TypeAlias = Literal["client", "gateway", "operator", "monitor", "service", "administrator"]
"""What an account may do follows from its name. A `client` owns what it registers, and is a vehicle."""


class Caller(Struct, frozen=True):
    """The account that asks. The broker proves its name."""

    name: str

    @property
    def role(self) -> Role:
        if self.name == "cloud_service":
            return "service"
        if self.name == "administrator":
            return "administrator"
        for role in _RESERVED:
            if self.name == role or self.name.startswith(role + "-"):
                return role
        return "client"

    @property
    def owner(self) -> str:
        """The name under which this account owns stations."""
        return GATEWAY if self.role == "gateway" else self.name

    def vehicle(self, vehicle_id: int | str | UnsetType, key: str) -> tuple[VehicleKey, int | str]:
        """The vehicle meant by the value of this key, and its ID as it is to be repeated.

        A client is the vehicle of its own name. The others name one; those of legacy clients are a world of
        their own.
        """
        if self.role == "client":
            if vehicle_id is UNSET:
                vehicle_id = self.name
            if str(vehicle_id) != self.name:
                raise Forbidden(f"{key} must be {self.name!r}, the name of the account that asks")
        elif vehicle_id is UNSET:
            raise BadRequest(f"missing key `{key}`")
        assert not isinstance(vehicle_id, UnsetType)
        return (self.role == "gateway", str(vehicle_id)), vehicle_id


_RESERVED: tuple[Role, ...] = ("gateway", "operator", "monitor")
