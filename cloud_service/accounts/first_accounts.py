"""The accounts that a network starts with. They are created before its broker runs; no password is a default.

Each account has a random password in a separate folder, so that a process can read its own password only.
"""

import hashlib
import json
import os
import secrets
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from cloud_service.accounts.rights import access_list
from cloud_service.accounts.secret_files import FOR_GROUP, FOR_OWNER, write_file, write_files
from cloud_service.language.text import Text, TextError
from cloud_service.protocol.roles import ADMINISTRATOR, DEVICES, GATEWAY, SERVICE, Role

FIRST_ACCOUNTS: Final[tuple[tuple[str, Role], ...]] = (
    (ADMINISTRATOR, "administrator"),
    (SERVICE, "service"),
    (GATEWAY, "gateway"),
)
_PASSWORD_ITERATIONS: Final = 101
"""As in Mosquitto 2.0. With 192 random bits, the time that one guess takes does not matter."""

RECOVERY: Final = Text(
    "restore it from a backup, or stop the network and run `recharge accounts recover`, which gives the first"
    " accounts new passwords and keeps all other accounts"
)
"""What to do if a first account cannot be used."""


class AccountsDamaged(TextError):
    """The accounts' files cannot be used. The text names the file and says what to do."""


class Secrets(Struct, frozen=True):
    """The files with the passwords of the first accounts: FOLDER/NAME/password."""

    folder: Path

    def password_file(self, name: str) -> Path:
        return self.folder / name / "password"


def new_password() -> str:
    """A password with 192 random bits."""
    return secrets.token_urlsafe(24)


def make_monitor_token(passwords: Secrets) -> Path:
    """Writes what the live map's login asks for, unless it is there already. Returns its file."""
    file = passwords.folder / "monitor" / "token"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_file(file, new_password() + "\n", FOR_GROUP)
    return file


def role_name(role: Role, client: str) -> str:
    """The name of the account's role in the plugin. `Accounts.all` reads the role from it."""
    return f"{role}:{client}"


def bound_client_id(role: Role, client: str) -> str | None:
    """The only client ID with which the account may connect; None if it may have many connections."""
    return client if role in DEVICES else None


def make_first_accounts(plugin_file: Path, passwords: Secrets) -> bool:
    """Writes the first accounts' passwords and the plugin's file. Returns False if that file already exists.

    The broker must not be running. Raises AccountsDamaged if some of these files exist and cannot be used.
    """
    if plugin_file.exists():
        _check_sound(plugin_file, passwords)
        return False
    administrator = passwords.password_file(ADMINISTRATOR)
    if administrator.exists():
        raise AccountsDamaged(
            "{plugin_file}, the broker's accounts, is missing, but {administrator} is there: restore it"
            " from a backup; or move {administrator} away, and the next start creates new first accounts"
            " (all others have to be added again)",
            plugin_file=plugin_file,
            administrator=administrator,
        )
    passwords.folder.mkdir(exist_ok=True, mode=0o700)
    files, clients, roles = [], [], []
    for name, role in FIRST_ACCOUNTS:
        password = new_password()
        files.append(_password_file(passwords, name, password))
        clients.append(_client(name, role, password))
        roles.append(_role(name, role))
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
    write_files(*files, _as_file(plugin_file, content))
    return True


def recover_first_accounts(plugin_file: Path, passwords: Secrets) -> list[str]:
    """Gives the first accounts new passwords, and returns their names. All other accounts stay as they are.

    The broker must not be running: it has read the plugin's file, and would write its own over it.
    """
    content = _read(plugin_file, passwords)
    clients = {client["username"]: client for client in content["clients"]}
    roles = {role["rolename"] for role in content["roles"]}
    files = []
    for name, role in FIRST_ACCOUNTS:
        password = new_password()
        files.append(_password_file(passwords, name, password))
        if name in clients:
            _replace_password(clients[name], password)
        else:
            content["clients"].append(_client(name, role, password))
        if role_name(role, name) not in roles:
            content["roles"].append(_role(name, role))
    # The plugin's file comes last: after a power loss between the two, the command can be repeated.
    write_files(*files, _as_file(plugin_file, content))
    return [name for name, _ in FIRST_ACCOUNTS]


def read_password(file: Path) -> str:
    """Returns the password in a file, or an empty text if the file is missing, empty or no text."""
    try:
        return file.read_text().strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


def _check_sound(plugin_file: Path, passwords: Secrets) -> None:
    """Raises AccountsDamaged if the broker would not know the first accounts, or nobody their passwords."""
    content = _read(plugin_file, passwords)
    clients = {client["username"]: client for client in content["clients"]}
    for name, _ in FIRST_ACCOUNTS:
        if name not in clients:
            raise AccountsDamaged(
                "{plugin_file} has no account {name}: {recovery}",
                plugin_file=plugin_file,
                name=name,
                recovery=RECOVERY,
            )
        file = passwords.password_file(name)
        password = read_password(file)
        if not password:
            raise AccountsDamaged(
                "{file}, the password of the account {name}, is missing, empty or no text: {recovery}",
                file=file,
                name=name,
                recovery=RECOVERY,
            )
        if not _fits(clients[name], password):
            raise AccountsDamaged(
                "{file} holds another password than {plugin_file} has for the account {name}: {recovery}",
                file=file,
                plugin_file=plugin_file,
                name=name,
                recovery=RECOVERY,
            )


def _read(plugin_file: Path, passwords: Secrets) -> dict[str, Any]:
    """The content of the plugin's file. Raises AccountsDamaged if it cannot be that."""
    try:
        content: dict[str, Any] = json.loads(plugin_file.read_bytes())
        sound = all(isinstance(client["username"], str) for client in content["clients"])
        sound = sound and all(isinstance(role["rolename"], str) for role in content["roles"])
    except (OSError, ValueError, LookupError, TypeError):
        sound = False
    if not sound:
        administrator = passwords.password_file(ADMINISTRATOR)
        raise AccountsDamaged(
            "{plugin_file}, the broker's accounts, is missing or damaged: restore it from a backup; or"
            " move it and {administrator} away, and the next start creates new first accounts (all others"
            " have to be added again)",
            plugin_file=plugin_file,
            administrator=administrator,
        )
    return content


def _fits(client: dict[str, Any], password: str) -> bool:
    """Whether this is the account's password. True for the form of Mosquitto 2.1, which is not checked."""
    try:
        digest, salt = b64decode(client["password"]), b64decode(client["salt"])
        iterations = int(client["iterations"])
    except (LookupError, TypeError, ValueError):
        return "encoded_password" in client
    return hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations) == digest


def _replace_password(client: dict[str, Any], password: str) -> None:
    """Both versions of Mosquitto read the form of 2.0, and 2.1 then writes its own, `encoded_password`."""
    client.pop("encoded_password", None)
    client.pop("disabled", None)
    client.update(_hashed(password))


def _password_file(passwords: Secrets, name: str, password: str) -> tuple[Path, str, int]:
    file = passwords.password_file(name)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return file, password + "\n", FOR_GROUP


def _as_file(plugin_file: Path, content: dict[str, Any]) -> tuple[Path, str, int]:
    return plugin_file, json.dumps(content, indent=1) + "\n", FOR_OWNER


def _role(name: str, role: Role) -> dict[str, object]:
    return {"rolename": role_name(role, name), "acls": access_list(role, name)}


def _client(name: str, role: Role, password: str) -> dict[str, object]:
    return {"username": name, "roles": [{"rolename": role_name(role, name)}], **_hashed(password)}


def _hashed(password: str) -> dict[str, object]:
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _PASSWORD_ITERATIONS)
    return {
        "password": b64encode(digest).decode(),
        "salt": b64encode(salt).decode(),
        "iterations": _PASSWORD_ITERATIONS,
    }
