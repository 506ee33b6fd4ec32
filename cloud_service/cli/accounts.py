"""Manages the accounts of a secured broker. Changes take effect on the running broker at once.

Only `recover` is for a broker that is stopped.
"""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, get_args

from msgspec import Struct
from msgspec.structs import replace

from cloud_service.accounts.audit_log import AuditEvent, AuditLog
from cloud_service.accounts.broker_accounts import AccountRole, Accounts, AccountsError
from cloud_service.accounts.first_accounts import (
    FIRST_ACCOUNTS,
    RECOVERY,
    AccountsDamaged,
    new_password,
    read_password,
    recover_first_accounts,
)
from cloud_service.accounts.rights import as_markdown
from cloud_service.accounts.secret_files import FOR_GROUP, FOR_OWNER
from cloud_service.accounts.settings import DataSettings, SecuritySettings
from cloud_service.cli.account_passwords import check_has_password, handed_over_before, place_of
from cloud_service.cli.failure import complain, in_words, of_file
from cloud_service.cli.verbs import wrong_names
from cloud_service.config.command_line import Argument
from cloud_service.config.setting import SettingError
from cloud_service.language.language import language_of_environment
from cloud_service.language.text import Reason, Text
from cloud_service.local.data_folder import locked
from cloud_service.local.errors import CannotStart
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.publisher import BrokerRefused
from cloud_service.protocol.roles import ADMINISTRATOR

EPILOG: Final = Text("""\
verbs:
  add NAME --role ROLE  creates an account and prints its password, which cannot be shown again
  list                  lists the accounts and their roles
  ocpp NAME             lets OCPP gateways speak for a charger that was added without --ocpp
  rotate NAME           prints a new password, gives it to the account, and disconnects its clients
  remove NAME           removes an account and disconnects its clients
  transfer OLD NEW      transfers the stations of one account to another
  refresh               brings the rights of all accounts up to date, after an upgrade
  rights                lists what each role may do
  recover               gives the first accounts new passwords if theirs are lost, and keeps all other \
accounts; stop the network before

Without --mqtt-user, the command uses the administrator's account and the password that the network's first \
start created.""")

_NAMES: Final = {
    "add": 1,
    "list": 0,
    "ocpp": 1,
    "rotate": 1,
    "remove": 1,
    "transfer": 2,
    "refresh": 0,
    "rights": 0,
    "recover": 0,
}
"""How many names each verb takes."""


class Options(Struct, frozen=True, kw_only=True):
    verb: Annotated[str, Argument(choices=_NAMES, metavar="VERB", help=", ".join(_NAMES))]
    names: Annotated[list[str], Argument(nargs="*", metavar="NAME", help="the account's name")]
    role: Annotated[
        AccountRole | None,
        Argument(
            "--role", choices=get_args(AccountRole), metavar="ROLE", help=", ".join(get_args(AccountRole))
        ),
    ] = None
    password_file: Annotated[
        Path | None,
        Argument(
            "--password-file",
            type=Path,
            metavar="FILE",
            help="file to which `add` and `rotate` write the password instead of printing it; `add`"
            " then leaves an existing account unchanged",
        ),
    ] = None
    ocpp: Annotated[
        bool,
        Argument("--ocpp", action="store_true", help="the charger speaks OCPP: gateways may speak for it"),
    ] = False
    leave_stations: Annotated[
        bool,
        Argument(
            "--leave-stations",
            action="store_true",
            help="remove an account even if nobody can change its stations afterwards",
        ),
    ] = False
    broker: BrokerAddress
    data: DataSettings
    security: SecuritySettings


def main(options: Options) -> int:
    if problem := wrong_names(options.verb, _NAMES[options.verb], len(options.names)):
        return complain("accounts", problem)
    if (options.role is not None) != (options.verb == "add"):
        return complain("accounts", Text("`add` needs a --role, and the other verbs take none"))
    if options.ocpp and options.verb != "add":
        return complain(
            "accounts", Text("only `add` takes --ocpp; `accounts ocpp NAME` is for an existing charger")
        )
    if options.verb == "rights":
        print(as_markdown(), end="")
        return 0
    try:
        if options.verb == "recover":
            _recover(options)
        else:
            asyncio.run(_run(options))
    except (AccountsError, AccountsDamaged, CannotStart) as error:
        return complain("accounts", error)
    except BrokerRefused as error:
        if options.broker.user is not None:
            raise
        return complain("accounts", _refused(error, options))
    except TimeoutError:
        return complain(
            "accounts",
            Text(
                "the broker does not answer: does it have the dynamic-security plugin, and is this account"
                " its administrator?"
            ),
        )
    except OSError as error:
        if isinstance(error, ConnectionError):
            raise
        return complain("accounts", of_file(error))
    return 0


def _refused(error: BrokerRefused, options: Options) -> Text:
    return Text(
        "{error}; if {file} has the wrong password: {recovery}",
        error=in_words(error),
        file=_administrator_file(options),
        recovery=RECOVERY,
    )


def _recover(options: Options) -> None:
    folders = options.security.folders(options.data.data_dir)
    if not folders.broker.is_dir():
        raise AccountsError(
            "{broker} is not the folder of a broker: --data-dir or --broker-dir says where it is",
            broker=folders.broker,
        )
    with locked(folders.broker):
        names = recover_first_accounts(folders.plugin_file, folders.secrets)
    audit = AuditLog(options.data.audit_log)
    for name in names:
        audit.record("passwordRotated", datetime.now(UTC), by=None, account=name)
    _tell(
        Text(
            "{names} have new passwords, in {folder}; all other accounts are as they were. Start the network"
            " now",
            names=", ".join(names),
            folder=folders.secrets.folder,
        )
    )


async def _run(options: Options) -> None:
    address = _address(options)
    async with Accounts(address) as accounts:
        verbs = _Verbs(accounts, address.user, options)
        match options.verb, options.names:
            case "add", [name]:
                assert options.role is not None
                await verbs.add(name, options.role, options.password_file, ocpp=options.ocpp)
            case "ocpp", [name]:
                await verbs.let_speak_ocpp(name)
            case "list", []:
                await verbs.list()
            case "rotate", [name]:
                await verbs.rotate(name, options.password_file)
            case "remove", [name]:
                await verbs.remove(name, leave_stations=options.leave_stations)
            case "transfer", [old, new]:
                await verbs.transfer(old, new)
            case "refresh", []:
                await verbs.refresh()


class _Verbs:
    """What can be done with accounts. Each change is recorded in the audit log, under the account `by`."""

    def __init__(self, accounts: Accounts, by: str | None, options: Options) -> None:
        self._accounts = accounts
        self._by = by
        self._audit = AuditLog(options.data.audit_log)
        self._secrets = options.security.folders(options.data.data_dir).secrets

    async def add(self, name: str, role: AccountRole, file: Path | None, *, ocpp: bool) -> None:
        present = {(account.name, account.role) for account in await self._accounts.all()}
        if file is not None and (name, role) in present:
            check_has_password(name, file)
            if ocpp:
                await self._accounts.let_speak_ocpp(name)
            _tell(
                Text("{name} is already a {role}; {file} is left unchanged", name=name, role=role, file=file)
            )
            return
        await self._accounts.check_new(name, role)
        password = new_password()
        with handed_over_before(password, file):
            await self._accounts.add(name, role, password, ocpp=ocpp)
        self._record("accountAdded", name, role=role)
        _tell(
            Text(
                "{name} now has the role {role}; its password is {place}",
                name=name,
                role=role,
                place=place_of(file),
            )
        )

    async def let_speak_ocpp(self, name: str) -> None:
        await self._accounts.let_speak_ocpp(name)
        self._record("accountSpeaksOcpp", name)
        _tell(Text("OCPP gateways may now speak for {name}", name=name))

    async def list(self) -> None:
        for account in await self._accounts.all():
            print(f"{account.name:24} {account.role}{' (OCPP)' if account.ocpp else ''}")

    async def rotate(self, name: str, file: Path | None) -> None:
        """Prints the new password, or writes it to the file, for a first account the one of our process."""
        first = name in (first for first, _ in FIRST_ACCOUNTS)
        if first and file is not None:
            raise AccountsError(
                "the password of {name} has its own file: leave out --password-file", name=name
            )
        await self._accounts.check_exists(name)
        file = self._secrets.password_file(name) if first else file
        password = new_password()
        with handed_over_before(password, file, FOR_GROUP if first else FOR_OWNER):
            await self._accounts.rotate(name, password)
        self._record("passwordRotated", name)
        given = {"name": name, "place": place_of(file)}
        if first:
            text = Text("{name} has a new password, {place}; restart the process that uses it", **given)
        else:
            text = Text("{name} has a new password, {place}", **given)
        _tell(text)

    async def remove(self, name: str, *, leave_stations: bool) -> None:
        answered = await self._accounts.remove(name, leave_stations=leave_stations)
        self._record("accountRemoved", name)
        _tell(Text("{name} is removed", name=name))
        if not answered:
            _tell(
                Text(
                    "The cloud service did not answer. If the account had a booking, it is still there: an"
                    " operator can find and cancel it, as vehicle {name}",
                    name=name,
                )
            )

    async def transfer(self, old: str, new: str) -> None:
        count = await self._accounts.transfer(old, new)
        _tell(Text("{new} now owns {count} stations that {old} owned", new=new, count=count, old=old))

    async def refresh(self) -> None:
        changed = await self._accounts.refresh()
        for name in changed:
            self._record("rightsRefreshed", name)
        names = ", ".join(changed) or Text("none")
        _tell(Text("{count} accounts had outdated rights: {names}", count=len(changed), names=names))

    def _record(self, event: AuditEvent, account: str, **details: str) -> None:
        self._audit.record(event, datetime.now(UTC), by=self._by, account=account, **details)


def _address(options: Options) -> BrokerAddress:
    if options.broker.user is not None:
        return options.broker
    file = _administrator_file(options)
    try:
        password = read_password(file)
    except OSError as error:
        raise SettingError(
            "cannot read the administrator's password in {file}: {reason}",
            file=file,
            reason=Reason(error),
        ) from None
    if not password:
        raise SettingError(
            "{file}, the administrator's password, is missing, empty or no text. A network has accounts"
            " if `recharge up --secure` or compose started it; --data-dir or --secrets-dir says where it"
            " is. If the file is lost: {recovery}",
            file=file,
            recovery=RECOVERY,
        )
    return replace(options.broker, user=ADMINISTRATOR, password=password)


def _administrator_file(options: Options) -> Path:
    return options.security.folders(options.data.data_dir).secrets.password_file(ADMINISTRATOR)


def _tell(text: Text) -> None:
    print(language_of_environment()(text), file=sys.stderr)
