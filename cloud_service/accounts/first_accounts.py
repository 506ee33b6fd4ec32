"""The accounts that a network starts with, made before its broker runs: there is never a default password.

Each gets a random password in a folder of its own, so that nobody has to be let near the others'.
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
_ITERATIONS: Final = 101
"""Mosquitto 2.0's own number. Nobody guesses 192 random bits, however fast a guess is checked."""


class Secrets(Struct, frozen=True):
    """Where the first accounts' passwords are: FOLDER/NAME/password."""

    folder: Path

    def password_file(self, name: str) -> Path:
        return self.folder / name / "password"


def new_password() -> str:
    return secrets.token_urlsafe(24)


def role_name(role: Role, client: str) -> str:
    """The name of an account's own role in the plugin. It is how `list` knows what the account is."""
    return f"{role}:{client}"


def bound_client_id(role: Role, client: str) -> str | None:
    """The one client ID with which the account may connect; None where it may connect many times."""
    return client if role in DEVICES else None


def make_first_accounts(plugin_file: Path, passwords: Secrets) -> bool:
    """Writes their passwords and the plugin's file; False where that file is there already.

    The broker must not run meanwhile. The file comes last: an interrupted start begins anew.
    """
    if plugin_file.exists():
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


def _client(name: str, role: Role, password: str) -> dict[str, object]:
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    return {
        "username": name,
        "roles": [{"rolename": role_name(role, name)}],
        "password": b64encode(digest).decode(),
        "salt": b64encode(salt).decode(),
        "iterations": _ITERATIONS,
    }
