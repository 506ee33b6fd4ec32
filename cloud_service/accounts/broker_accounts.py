"""Manages the accounts of the running broker."""

import asyncio
from contextlib import suppress
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
from cloud_service.language.text import TextError
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.mqtt.publisher import BrokerRefused
from cloud_service.mqtt.requester import NobodyListens, OutcomeUnknown, Requester
from cloud_service.protocol import topics
from cloud_service.protocol.errors import RequestError
from cloud_service.protocol.messages import Message
from cloud_service.protocol.presence import client_presence
from cloud_service.protocol.roles import (
    ADMINISTRATOR,
    DEVICES,
    OCPP_GATEWAY,
    ROLES,
    Role,
    is_account_name,
    owner_name,
    roles_of,
)

AccountRole: TypeAlias = Literal["charger", "vehicle", "monitor", "operator", "gateway", "ocpp-gateway"]
"""The roles of accounts that can be added. The first start creates the others."""

_REPLY_TIMEOUT_SECONDS: Final = 10.0
_OWNERS: Final = ("charger", "operator", "gateway")
_OCPP_GATEWAYS: Final = "ocpp-gateways"
"""The plugin's group of all OCPP gateways. The role of each charger that they speak for is in it."""


class AccountsError(TextError):
    """The accounts were not changed. The text says why, and what to do."""


class ServiceAway(AccountsError):
    """The cloud service, which has to be asked, does not answer."""


class Account(Struct, frozen=True):
    """`ocpp` says whether OCPP gateways speak for it."""

    name: str
    role: Role
    ocpp: bool = False


def check_name(name: str, role: AccountRole) -> None:
    """Raises AccountsError if an account with this role cannot have this name.

    The service derives an account's role from its name, so a reserved name needs the role that it implies.
    """
    if not is_account_name(name):
        raise AccountsError(
            "not an account name: {name!r} (1 to 64 characters: A-Z, a-z, 0-9, _ and -)", name=name
        )
    if name in (first for first, _ in FIRST_ACCOUNTS):
        raise AccountsError(
            "{name} is one of the first accounts, which the network creates itself", name=name
        )
    possible = roles_of(name)
    if role not in possible and role in DEVICES:
        raise AccountsError(
            "the name {name} is reserved for the role {roles}", name=name, roles=" / ".join(possible)
        )
    if role not in possible:
        raise AccountsError(
            "an account with the role {role} must be named {role} or {role}-..., not {name}",
            role=role,
            name=name,
        )


def check_device_name(name: str) -> None:
    """Raises AccountsError if a charger or vehicle cannot have this name."""
    check_name(name, "charger")


class Accounts:
    """The accounts of a running broker, managed with the administrator's account. Use with `async with`.

    Methods raise AccountsError if they refuse, and TimeoutError if the broker does not respond.
    """

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

    async def check_new(self, name: str, role: AccountRole) -> None:
        """Raises AccountsError if this account cannot be created."""
        check_name(name, role)
        if name in await self._names():
            raise AccountsError(
                "the account {name} already exists; `rotate` gives it a new password", name=name
            )

    async def check_exists(self, name: str) -> None:
        """Raises AccountsError if there is no such account."""
        await self._find(name)

    async def add(
        self, name: str, role: AccountRole, password: str | None = None, *, ocpp: bool = False
    ) -> str:
        """Creates the account and returns its password, by default a new one, which is stored nowhere.

        With `ocpp`, OCPP gateways may speak for this charger.
        """
        if ocpp and role != "charger":
            raise AccountsError("only a charger speaks OCPP; {name} would be a {role}", name=name, role=role)
        await self.check_new(name, role)
        password = password or new_password()
        await self._write_role(name, role)
        client_id = bound_client_id(role, name)
        await self._broker.command(
            "createClient",
            username=name,
            password=password,
            roles=[{"rolename": role_name(role, name)}],
            **({"clientid": client_id} if client_id else {}),
        )
        if role == OCPP_GATEWAY:
            await self._make_ocpp_group()
            await self._broker.command("addGroupClient", groupname=_OCPP_GATEWAYS, username=name)
        if ocpp:
            await self.let_speak_ocpp(name)
        return password

    async def let_speak_ocpp(self, name: str) -> None:
        """Lets OCPP gateways speak for a charger. The plugin disconnects them; they reconnect at once."""
        account = await self._find(name)
        if account.role != "charger":
            raise AccountsError(
                "only a charger speaks OCPP; {name} is a {role}", name=name, role=account.role
            )
        if not account.ocpp:
            await self._make_ocpp_group()
            role = role_name(account.role, name)
            await self._broker.command("addGroupRole", groupname=_OCPP_GATEWAYS, rolename=role)

    async def all(self) -> list[Account]:
        """All accounts, sorted by name."""
        data = await self._broker.command("listClients", verbose=True)
        speaking = await self._ocpp_roles()
        accounts = []
        for client in data["clients"]:
            for entry in client.get("roles", []):
                role, _, name = entry["rolename"].partition(":")
                if name == client["username"] and role in ROLES:
                    accounts.append(Account(name, role, entry["rolename"] in speaking))
        return sorted(accounts, key=lambda account: account.name)

    async def rotate(self, name: str, password: str) -> None:
        """Sets a new password and disconnects the account's clients."""
        await self._find(name)
        if name == self._address.user:
            await self._rotate_own(password)
        else:
            await self._broker.command("setClientPassword", username=name, password=password)
            await self._publish_presence(client_presence(name, online=False))

    async def remove(self, name: str, *, leave_stations: bool = False) -> bool:
        """Removes the account, its booking and its session, and disconnects its clients.

        Nothing of it is left for the next holder of the name. Returns False if the cloud service did not
        answer, which alone can cancel the booking. Refuses if the account owns stations, unless
        `leave_stations` is true.
        """
        account = await self._find(name)
        if name in (first for first, _ in FIRST_ACCOUNTS):
            raise AccountsError(
                "the network does not run without {name}; `rotate` gives it a new password", name=name
            )
        if not leave_stations and account.role in ("charger", "operator"):
            count = await self._ask("countStations", {"owner": name})
            if count:
                raise AccountsError(
                    "{name} owns {count} stations, which only an operator could change afterwards: first hand"
                    " them over with `accounts transfer {name} NEW`, or use --leave-stations",
                    name=name,
                    count=count,
                )
        # First of all, it must not book again.
        await self._broker.command("disableClient", username=name)
        answered = await self._cancel_booking(name)
        await self._end_session(name)
        await self._broker.command("deleteClient", username=name)
        await self._broker.command("deleteRole", rolename=role_name(account.role, name))
        await self._publish_presence(Message(topics.presence(name), b"", retain=True))
        return answered

    async def transfer(self, old: str, new: str) -> int:
        """Hands the stations of one owner to another account. Returns their number."""
        account = await self._find(new)
        if account.role not in _OWNERS:
            raise AccountsError(
                "{new} is a {role}; only a charger, an operator or a gateway can own stations",
                new=new,
                role=account.role,
            )
        count: int = await self._ask("transferStations", {"from": owner_name(old), "to": owner_name(new)})
        return count

    async def refresh(self) -> list[str]:
        """Gives every account the rights of this version. Returns the names of the accounts that had others.

        The plugin disconnects the clients of a changed account; they reconnect by themselves.
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

    async def _cancel_booking(self, name: str) -> bool:
        """Returns whether the cloud service answered."""
        try:
            await self._ask("cancelBooking", {"vehicle": name})
        except ServiceAway:
            return False
        return True

    async def _end_session(self, client_id: str) -> None:
        """Has the broker forget the session with this client ID, and the messages that wait in it.

        Mosquitto has no command for that; but whoever connects with the ID and a clean session ends it.
        """
        async with AsyncConnection(self._address, client_id):
            pass

    async def _rotate_own(self, password: str) -> None:
        """The broker disconnects us before it responds: a login with the new password is the confirmation."""
        change = self._broker.command("setClientPassword", username=self._address.user, password=password)
        changing = asyncio.create_task(change)
        renewed = replace(self._address, password=password)
        try:
            async with asyncio.timeout(_REPLY_TIMEOUT_SECONDS):
                while not await _can_log_in(renewed):  # noqa: ASYNC110 - no event says when
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
        raise AccountsError("there is no account {name}; `accounts list` shows all of them", name=name)

    async def _make_ocpp_group(self) -> None:
        """Makes the group, unless it is there: older networks have none."""
        with suppress(CommandRefused):
            await self._broker.command("createGroup", groupname=_OCPP_GATEWAYS)

    async def _ocpp_roles(self) -> set[str]:
        """The roles of the chargers that OCPP gateways speak for."""
        try:
            data = await self._broker.command("getGroup", groupname=_OCPP_GATEWAYS)
        except CommandRefused:  # there is no such group yet
            return set()
        return {entry["rolename"] for entry in data["group"].get("roles", [])}

    async def _write_role(self, name: str, role: Role) -> None:
        values = {"rolename": role_name(role, name), "acls": access_list(role, name)}
        try:
            await self._broker.command("createRole", **values)
        except CommandRefused:
            await self._broker.command("modifyRole", **values)

    async def _publish_presence(self, presence: Message) -> None:
        """Publishes the presence of a client that the plugin disconnects without sending its last will."""
        await self._requester.connection.publish(presence)

    async def _ask(self, action: str, values: dict[str, object]) -> Any:
        try:
            return await self._requester.request(action, values, timeout=_REPLY_TIMEOUT_SECONDS)
        except (OutcomeUnknown, NobodyListens):
            raise ServiceAway(
                "the cloud service does not answer, and only it knows who owns which station: is it running?"
            ) from None
        except RequestError as error:
            raise AccountsError("the cloud service refused: {message}", message=error.message) from None


async def _can_log_in(address: BrokerAddress) -> bool:
    try:
        async with AsyncConnection(address, f"{address.user}-{uuid4().hex[:12]}"):
            return True
    except BrokerRefused:
        return False


def _comparable(entries: list[dict[str, Any]]) -> set[tuple[str, str, bool]]:
    return {(entry["acltype"], entry["topic"], entry["allow"]) for entry in entries}
