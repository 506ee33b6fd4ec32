"""Keeps the accounts of a secured broker; everything takes effect on the running broker at once.

  add NAME --role ROLE  makes an account and prints its password, which nobody can look up later
  list                  shows the accounts and their roles
  rotate NAME           gives an account a new password, prints it, and cuts off what used the old one
  remove NAME           removes an account and cuts off what is connected with it
  transfer OLD NEW      hands the stations of one account to another
  refresh               brings all accounts' rights up to date, after an upgrade
  rights                shows which role may do what

Without --mqtt-user it is the administrator's account that asks, with the password that the first start made.
"""

import asyncio
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, get_args

from msgspec.structs import replace

from cloud_service.accounts.audit_log import AuditLog
from cloud_service.accounts.broker_accounts import Account, AccountRole, Accounts, AccountsError
from cloud_service.accounts.first_accounts import FIRST_ACCOUNTS, Secrets, new_password
from cloud_service.accounts.folders import audit_file, broker_folders
from cloud_service.accounts.rights import as_markdown
from cloud_service.accounts.secret_files import FOR_GROUP, write_file
from cloud_service.cli.settings import SettingError, broker_address
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.protocol.roles import ADMINISTRATOR

_NAMES: Final = {"add": 1, "list": 0, "rotate": 1, "remove": 1, "transfer": 2, "refresh": 0, "rights": 0}
"""How many names each verb takes."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.add_argument("verb", choices=_NAMES, metavar="VERB", help=", ".join(_NAMES))
    parser.add_argument("names", nargs="*", metavar="NAME", help="the account's name")
    parser.add_argument("--role", choices=get_args(AccountRole), help="what the new account is")
    parser.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help="where add puts the password instead; an account that is there already is then left as it is",
    )
    parser.add_argument(
        "--leave-stations",
        action="store_true",
        help="remove an account though nobody could change its stations",
    )


def main(options: Namespace) -> int:
    if len(options.names) != _NAMES[options.verb]:
        return _fail(f"`{options.verb}` takes {_NAMES[options.verb]} names, not {len(options.names)}")
    if (options.role is not None) != (options.verb == "add"):
        return _fail("`add` needs a --role, and nothing else takes one")
    if options.verb == "rights":
        print(as_markdown(), end="")
        return 0
    try:
        asyncio.run(_run(options, AuditLog(audit_file(options))))
    except AccountsError as error:
        return _fail(str(error))
    except TimeoutError:
        return _fail(
            "the broker does not answer: is its dynamic-security plugin there, and this its administrator?"
        )
    except PermissionError as error:
        return _fail(f"{error.filename}: {error.strerror}")
    return 0


def _fail(reason: str) -> int:
    print(f"recharge accounts: {reason}", file=sys.stderr)
    return 1


async def _run(options: Namespace, audit: AuditLog) -> None:
    address = _address(options)
    async with Accounts(address) as accounts:
        match options.verb, options.names:
            case "add", [name]:
                file = options.password_file
                if file is not None and Account(name, options.role) in await accounts.all():
                    _say(f"{name} is a {options.role} already; {file} is left as it is")
                    return
                password = await accounts.add(name, options.role)
                audit.record("accountAdded", _now(), by=address.user, account=name, role=options.role)
                if file is not None:
                    write_file(file, password + "\n")
                    _say(f"{name} is a {options.role} now, with its password in {file}")
                else:
                    _say(f"{name} is a {options.role} now; this is its password, shown once:")
                    print(password)
            case "list", []:
                for account in await accounts.all():
                    print(f"{account.name:24} {account.role}")
            case "rotate", [name]:
                await _rotate(accounts, name, broker_folders(options).secrets)
                audit.record("passwordRotated", _now(), by=address.user, account=name)
            case "remove", [name]:
                await accounts.remove(name, leave_stations=options.leave_stations)
                audit.record("accountRemoved", _now(), by=address.user, account=name)
                _say(f"{name} is removed")
            case "transfer", [old, new]:
                count = await accounts.transfer(old, new)
                _say(f"{new} owns {count} stations that were {old}'s")
            case "refresh", []:
                changed = await accounts.refresh()
                for name in changed:
                    audit.record("rightsRefreshed", _now(), by=address.user, account=name)
                _say(f"{len(changed)} accounts had other rights: {', '.join(changed) or 'none'}")


async def _rotate(accounts: Accounts, name: str, secrets: Secrets) -> None:
    """The new password goes to the file from which a process of ours reads it, or to whoever asked."""
    password = new_password()
    if name not in (first for first, _ in FIRST_ACCOUNTS):
        await accounts.rotate(name, password)
        _say(f"{name} has a new password, shown once:")
        print(password)
        return
    file = secrets.password_file(name)
    # On disk before the broker knows it: nobody else could tell it any more.
    write_file(file.with_name("password.new"), password + "\n", FOR_GROUP)
    await accounts.rotate(name, password)
    file.with_name("password.new").replace(file)
    _say(f"{name} has a new password, in {file}: start again what uses it")


def _address(options: Namespace) -> BrokerAddress:
    address = broker_address(options)
    if address.user is not None:
        return address
    file = broker_folders(options).secrets.password_file(ADMINISTRATOR)
    try:
        password = file.read_text().strip()
    except OSError as error:
        raise SettingError(
            f"cannot read the administrator's password in {file}: {error.strerror}. A network has accounts"
            " where `recharge up --secure` or compose started it; --data-dir or --secrets-dir say where"
        ) from None
    return replace(address, user=ADMINISTRATOR, password=password)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _now() -> datetime:
    return datetime.now(UTC)
