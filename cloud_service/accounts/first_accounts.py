"""The accounts that a network starts with. They are created before its broker runs; no password is a default.

Each account has a random password in a separate folder, so that a process can read its own password only.
"""

import hashlib
import json
import os
import secrets
from base64 import b64encode
from pathlib import Path
from typing import Final

from msgspec import Struct

from cloud_service.accounts.rights import access_list
from cloud_service.accounts.secret_files import FOR_GROUP, write_file
from cloud_service.protocol.roles import ADMINISTRATOR, DEVICES, GATEWAY, SERVICE, Role

FIRST_ACCOUNTS: Final[tuple[tuple[str, Role], ...]] = (
    (ADMINISTRATOR, "administrator"),
    (SERVICE, "service"),
    (GATEWAY, "gateway"),
)
_PASSWORD_ITERATIONS: Final = 101
"""As in Mosquitto 2.0. With 192 random bits, the time that one guess takes does not matter."""


class AccountsDamaged(Exception):
    """The accounts' files cannot be used. The text names the file and says what to do."""


class Secrets(Struct, frozen=True):
    """The files with the passwords of the first accounts: FOLDER/NAME/password."""

    folder: Path

    def password_file(self, name: str) -> Path:
        return self.folder / name / "password"


def new_password() -> str:
    """A password with 192 random bits."""
    return secrets.token_urlsafe(24)


def role_name(role: Role, client: str) -> str:
    """The name of the account's role in the plugin. `Accounts.all` reads the role from it."""
    return f"{role}:{client}"


def bound_client_id(role: Role, client: str) -> str | None:
    """The only client ID with which the account may connect; None if it may have many connections."""
    return client if role in DEVICES else None


def make_first_accounts(plugin_file: Path, passwords: Secrets) -> bool:
    """Writes the first accounts' passwords and the plugin's file. Returns False if that file already exists.

    The broker must not be running. The plugin's file comes last, so an interrupted start can be repeated.
    """
    if plugin_file.exists():
        _check_sound(plugin_file, passwords)
        return False
    passwords.folder.mkdir(exist_ok=True, mode=0o700)
    clients, roles = [], []
    for name, role in FIRST_ACCOUNTS:
        password = new_password()
        file = passwords.password_file(name)
        file.parent.mkdir(exist_ok=True, mode=0o700)
        write_file(file, password + "\n", FOR_GROUP)
        clients.append(_client(name, role, password))
        roles.append({"rolename": role_name(role, name), "acls": access_list(role, name)})
    content = {
        "defaultACLAccess": {
            "publishClientSend": False,
            "publishClientReceive": False,
            "subscribe": False,
            "unsubscribe": True,
        },
        "clients": clients,
        "groups": [],
        "roles": roles,
    }
    write_file(plugin_file, json.dumps(content, indent=1) + "\n")
    return True


def _check_sound(plugin_file: Path, passwords: Secrets) -> None:
    """Raises AccountsDamaged if the broker would not know the first accounts, or nobody their passwords."""
    remedy = (
        f"restore it from a backup; or move {plugin_file} away, and the next start creates new first accounts"
        " (all others have to be added again)"
    )
    try:
        names = {client["username"] for client in json.loads(plugin_file.read_bytes())["clients"]}
    except (OSError, ValueError, LookupError, TypeError):
        raise AccountsDamaged(f"{plugin_file}, the broker's accounts, is damaged: {remedy}") from None
    for name, _ in FIRST_ACCOUNTS:
        if name not in names:
            raise AccountsDamaged(f"{plugin_file} has no account {name}: {remedy}")
        file = passwords.password_file(name)
        if not file.is_file() or not file.stat().st_size:
            raise AccountsDamaged(
                f"{file}, the password of the account {name}, is missing or empty: {remedy}"
            )


def _client(name: str, role: Role, password: str) -> dict[str, object]:
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _PASSWORD_ITERATIONS)
    return {
        "username": name,
        "roles": [{"rolename": role_name(role, name)}],
        "password": b64encode(digest).decode(),
        "salt": b64encode(salt).decode(),
        "iterations": _PASSWORD_ITERATIONS,
    }
