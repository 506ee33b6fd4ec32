"""Mosquitto on this machine: where its programs are, and the configuration that it is started with."""

import os
import shlex
import shutil
from contextlib import suppress
from pathlib import Path

FOLDERS = (
    "/usr/sbin",
    "/usr/local/sbin",
    "/usr/local/bin",
    "/opt/homebrew/sbin",
    "/opt/homebrew/bin",
    "/home/linuxbrew/.linuxbrew/sbin",
    "/home/linuxbrew/.linuxbrew/bin",
)
"""Where Mosquitto is installed without being on everybody's PATH."""


class MosquittoMissing(Exception):
    """There is no Mosquitto on this machine. The text says how to get it."""


def find_program(name: str) -> Path:
    """A program of Mosquitto's: `mosquitto` or one of its clients. Raises MosquittoMissing."""
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), *FOLDERS)))
    if found is None:
        raise MosquittoMissing(
            f"{name} is not installed: `sudo apt install mosquitto mosquitto-clients` or"
            " `brew install mosquitto` installs it; `docker compose up` needs none"
        )
    return Path(found)


def command(name: str) -> str:
    """How a person calls this program in a shell, wherever it is."""
    if shutil.which(name) is None:
        with suppress(MosquittoMissing):
            return shlex.quote(str(find_program(name)))
    return name


def limits() -> str:
    """What every broker of the network has in its configuration: mosquitto/limits.conf."""
    # In an installed wheel the folder lies in the package, in a checkout beside it.
    package = Path(__file__).parent.parent
    for folder in (package / "mosquitto", package.parent / "mosquitto"):
        file = folder / "limits.conf"
        if file.is_file():
            return file.read_text()
    raise FileNotFoundError(f"limits.conf is neither in {package / 'mosquitto'} nor beside the package")


def open_listener(host: str, port: int) -> str:
    """A listener for everybody who can reach it, under any name: for development."""
    return f"listener {port} {host}\nallow_anonymous true\nconnection_messages false\n"


def write_configuration(folder: Path, listeners: str) -> Path:
    """Writes the configuration of a broker that keeps its data in this folder too. Returns its path."""
    # A broker that root starts would become the user mosquitto, to whom the folder does not belong.
    user = "user root\n" if os.geteuid() == 0 else ""
    file = folder / "mosquitto.conf"
    file.write_text(
        "# Written at each start; changes belong into the settings.\n\n"
        f"{limits()}\npersistence_location {folder.resolve()}/\n{user}\n{listeners}"
    )
    return file
