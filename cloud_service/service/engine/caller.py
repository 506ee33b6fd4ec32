"""Who asks, and what follows from that for stations and vehicles."""

from typing import Final

from msgspec import UNSET, UnsetType

from cloud_service.core.records import VehicleKey
from cloud_service.protocol.errors import BadRequest, Forbidden
from cloud_service.protocol.roles import DEVICES, Role, is_gateway, owner_name, roles_of


class Caller:
    """The account that asks. The broker vouches for its name."""

    __slots__ = ("is_gateway", "name", "roles")

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self.roles: Final[frozenset[Role]] = roles_of(name)
        """The roles that the account can have."""
        self.is_gateway: Final = is_gateway(name)
        """Whether it speaks for legacy clients."""

    @property
    def owner(self) -> str:
        """The name under which this account owns stations."""
        return owner_name(self.name)

    @property
    def sees_all_stations(self) -> bool:
        """Whether it may use other owners' stations, for the actions its role allows."""
        return not self.roles.isdisjoint({"operator", "monitor"})

    def vehicle(self, vehicle_id: int | str | UnsetType, key: str) -> tuple[VehicleKey, int | str]:
        """Returns the vehicle that this key's value names, and its ID as replies repeat it.

        An ordinary account is the vehicle with the same name. The others name a vehicle; legacy clients'
        vehicles are separate from those of accounts.
        """
        if self.roles == DEVICES:
            if vehicle_id is UNSET:
                vehicle_id = self.name
            if str(vehicle_id) != self.name:
                raise Forbidden(f"{key} must be {self.name!r}, the name of the account that asks")
        elif vehicle_id is UNSET:
            raise BadRequest(f"missing key `{key}`")
        assert not isinstance(vehicle_id, UnsetType)
        return (self.is_gateway, str(vehicle_id)), vehicle_id
