"""Accounts at the running broker: made, listed, given a new password, removed, succeeded by another."""

import asyncio
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeAlias
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace

from cloud_service.accounts.dynamic_security import RESPONSE, CommandRefused, DynamicSecurity
from cloud_service.accounts.first_accounts import (
    FIRST_ACCOUNTS,
    bound_client_id,
    new_password,
    role_name,
)
from cloud_service.accounts.rights import access_list
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.mqtt.requester import OutcomeUnknown, Requester
from cloud_service.mqtt.session import BrokerRefused
from cloud_service.protocol import topics
from cloud_service.protocol.errors import RequestError
from cloud_service.protocol.messages import Message
from cloud_service.protocol.roles import (
    ADMINISTRATOR,
    DEVICES,
    ROLES,
    Role,
    is_account_name,
    owner_name,
    roles_of,
)

AccountRole: TypeAlias = Literal["charger", "vehicle", "monitor", "operator", "gateway"]
"""The roles of accounts that can be added; the others are made at the first start."""

_REPLY_TIMEOUT: Final = 10.0
_OWNERS: Final = ("charger", "operator", "gateway")


class AccountsError(Exception):
    """An account cannot be what was asked for. The text says why, and what to do."""


class Account(Struct, frozen=True):
    name: str
    role: Role


def check_name(name: str, role: AccountRole) -> None:
    """Raises AccountsError where an account of this role cannot have this name.

    What an account may ask of the service follows from its name: a reserved name comes with its role only.
    """
    if not is_account_name(name):
        raise AccountsError(f"{name!r} is no name: 1 to 64 of A-Z, a-z, 0-9, _ and - are")
    if name in (first for first, _ in FIRST_ACCOUNTS):
        raise AccountsError(f"{name} is made at the first start of the network, with a role of its own")
    possible = roles_of(name)
    if role not in possible and role in DEVICES:
        raise AccountsError(f"the name {name} is reserved for accounts of role {', '.join(possible)}")
    if role not in possible:
        raise AccountsError(f"the name of an account of role {role} is {role} or begins with {role}-")


def check_device_name(name: str) -> None:
    """Raises AccountsError where no charger or vehicle can have this name."""
    check_name(name, "charger")


class Accounts:
    """The accounts of a running broker, kept through the administrator's account. Use as `async with`."""

    def __init__(self, address: BrokerAddress) -> None:
        self._address = address
        self._requester = Requester(
            address,
            ADMINISTRATOR,
            client_id=f"{ADMINISTRATOR}-{uuid4().hex[:12]}",
            subscriptions=[RESPONSE],
            on_message=lambda message: self._broker.received(message.payload),
        )
        self._broker = DynamicSecurity(self._requester.connection.publish)

    async def __aenter__(self) -> Self:
        await self._requester.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._requester.__aexit__(kind, error, trace)

    async def add(self, name: str, role: AccountRole) -> str:
        """Makes the account and returns its password, which nothing else knows."""
        check_name(name, role)
        if name in await self._names():
            raise AccountsError(f"there is an account {name} already: rotate gives it a new password")
        await self._write_role(name, role)
        password = new_password()
        client_id = bound_client_id(role, name)
        await self._broker.command(
            "createClient",
            username=name,
            password=password,
            roles=[{"rolename": role_name(role, name)}],
            **({"clientid": client_id} if client_id else {}),
        )
        return password

    async def all(self) -> list[Account]:
        """All accounts by name."""
        data = await self._broker.command("listClients", verbose=True)
        accounts = []
        for client in data["clients"]:
            for entry in client.get("roles", []):
                role, _, name = entry["rolename"].partition(":")
                if name == client["username"] and role in ROLES:
                    accounts.append(Account(name, role))
        return sorted(accounts, key=lambda account: account.name)

    async def rotate(self, name: str, password: str) -> None:
        """Gives the account a new password; what is connected with the old one is cut off."""
        await self._find(name)
        if name == self._address.user:
            await self._rotate_own(password)
        else:
            await self._broker.command("setClientPassword", username=name, password=password)
            await self._set_presence(name, b'{"online":false}')

    async def remove(self, name: str, *, leave_stations: bool = False) -> None:
        """Removes the account and cuts off what is connected with it."""
        account = await self._find(name)
        if name in (first for first, _ in FIRST_ACCOUNTS):
            raise AccountsError(f"the network does not run without {name}: rotate gives it a new password")
        if not leave_stations and account.role in ("charger", "operator"):
            count = await self._ask("countStations", {"owner": name})
            if count:
                raise AccountsError(
                    f"{name} owns {count} stations, which nobody could change any more: first hand them over"
                    f" with 'accounts transfer {name} NEW', or say --leave-stations"
                )
        await self._broker.command("deleteClient", username=name)
        await self._broker.command("deleteRole", rolename=role_name(account.role, name))
        await self._set_presence(name, b"")

    async def transfer(self, old: str, new: str) -> int:
        """Hands the stations of one owner to another account; how many there were."""
        account = await self._find(new)
        if account.role not in _OWNERS:
            raise AccountsError(
                f"{new} is a {account.role}: stations belong to a charger, operator or gateway"
            )
        count: int = await self._ask("transferStations", {"from": owner_name(old), "to": owner_name(new)})
        return count

    async def refresh(self) -> list[str]:
        """Brings every account's rights to those of this version; the names of those that had others.

        The plugin cuts off who is connected with an account that is changed: it connects again by itself.
        """
        data = await self._broker.command("listRoles", verbose=True)
        present = {role["rolename"]: _comparable(role["acls"]) for role in data["roles"]}
        changed = []
        for account in await self.all():
            wanted = access_list(account.role, account.name)
            if present.get(role_name(account.role, account.name)) != _comparable(wanted):
                await self._write_role(account.name, account.role)
                changed.append(account.name)
        return changed

    async def _rotate_own(self, password: str) -> None:
        """The broker cuts us off before it answers: that the new password is good is the answer."""
        change = self._broker.command("setClientPassword", username=self._address.user, password=password)
        changing = asyncio.create_task(change)
        renewed = replace(self._address, password=password)
        try:
            async with asyncio.timeout(_REPLY_TIMEOUT):
                while not await _lets_in(renewed):  # noqa: ASYNC110 - nobody tells when
                    await asyncio.sleep(0.1)
        finally:
            changing.cancel()
            await asyncio.wait([changing])

    async def _names(self) -> list[str]:
        data = await self._broker.command("listClients")
        names: list[str] = data["clients"]
        return names

    async def _find(self, name: str) -> Account:
        for account in await self.all():
            if account.name == name:
                return account
        raise AccountsError(f"there is no account {name}: 'accounts list' shows those that there are")

    async def _write_role(self, name: str, role: Role) -> None:
        values = {"rolename": role_name(role, name), "acls": access_list(role, name)}
        try:
            await self._broker.command("createRole", **values)
        except CommandRefused:
            await self._broker.command("modifyRole", **values)

    async def _set_presence(self, name: str, payload: bytes) -> None:
        """Tells that the client has gone: the plugin cuts it off without its last will."""
        await self._requester.connection.publish(Message(topics.presence(name), payload, retain=True))

    async def _ask(self, action: str, values: dict[str, object]) -> Any:
        try:
            return await self._requester.request(action, values, timeout=_REPLY_TIMEOUT)
        except OutcomeUnknown:
            raise AccountsError("the cloud service does not answer: it knows the stations' owners") from None
        except RequestError as error:
            raise AccountsError(f"the cloud service refuses: {error.message}") from None


async def _lets_in(address: BrokerAddress) -> bool:
    try:
        async with AsyncConnection(address, f"{address.user}-{uuid4().hex[:12]}"):
            return True
    except BrokerRefused:
        return False


def _comparable(entries: list[dict[str, Any]]) -> set[tuple[str, str, bool]]:
    return {(entry["acltype"], entry["topic"], entry["allow"]) for entry in entries}
