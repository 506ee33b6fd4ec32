"""Mosquitto on this machine: its programs, and the configuration of the broker of `recharge up`."""

import os
import shlex
import shutil
from contextlib import suppress
from pathlib import Path

from cloud_service.local.errors import CannotStart

FOLDERS = (
    "/usr/sbin",
    "/usr/local/sbin",
    "/usr/local/bin",
    "/opt/homebrew/sbin",
    "/opt/homebrew/bin",
    "/home/linuxbrew/.linuxbrew/sbin",
    "/home/linuxbrew/.linuxbrew/bin",
)
"""Folders where Mosquitto may be installed although they are not on the PATH. `./run` has the same list."""


class MosquittoMissing(CannotStart):
    """Mosquitto is not on this machine. The text says how to install it."""


def find_program(name: str) -> Path:
    """Finds `mosquitto` or one of its clients. Raises MosquittoMissing."""
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), *FOLDERS)))
    if found is None:
        raise MosquittoMissing(
            "{name} is not installed: `sudo apt install mosquitto mosquitto-clients` or `brew install"
            " mosquitto` installs it; `docker compose up` does not need it",
            name=name,
        )
    return Path(found)


def command(name: str) -> str:
    """What a person types in a shell to run this program: its path, unless it is on the PATH."""
    if shutil.which(name) is None:
        with suppress(MosquittoMissing):
            return shlex.quote(str(find_program(name)))
    return name


def limits() -> str:
    """mosquitto/limits.conf, the part of the configuration that all brokers of the network have in common."""
    # An installed wheel has the folder in the package, a checkout beside it.
    package = Path(__file__).parent.parent
    for folder in (package / "mosquitto", package.parent / "mosquitto"):
        file = folder / "limits.conf"
        if file.is_file():
            return file.read_text()
    raise FileNotFoundError(f"limits.conf is neither in {package / 'mosquitto'} nor beside the package")


def open_listener(host: str, port: int) -> str:
    """A listener that accepts any client under any name: for development."""
    return f"listener {port} {host}\nallow_anonymous true\nconnection_messages false\n"


class BrokerState:
    """The broker's file of sessions and retained messages. Everything in it can be made again."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "mosquitto.db"
        self.damaged = folder / "mosquitto.db.damaged"

    def set_aside(self) -> bool:
        """Renames the file, so that the broker starts without it. Returns whether there was one."""
        try:
            self._file.replace(self.damaged)
        except FileNotFoundError:
            return False
        return True

    def put_back(self) -> None:
        """Undoes `set_aside`."""
        self.damaged.replace(self._file)


def write_configuration(folder: Path, listeners: str) -> Path:
    """Writes the configuration of a broker that keeps its data in this folder. Returns the file's path."""
    # Started by root, Mosquitto would switch to the user mosquitto, who cannot write to the folder.
    user = "user root\n" if os.geteuid() == 0 else ""
    file = folder / "mosquitto.conf"
    file.write_text(
        "# Written at each start: change the settings instead.\n\n"
        f"{limits()}\npersistence_location {folder.resolve()}/\n{user}\n{listeners}"
    )
    return file
