"""./run on machines that lack something.

The script is the real one, in a folder of its own; what it calls to look at the machine and to change it are
stand-ins that write down how they were called. The folders of system programs are replaced too.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.processes import clean_environment

CHECKOUT = Path(__file__).parents[2]
TOOLS = (
    "sh",
    "dirname",
    "basename",
    "cat",
    "cksum",
    "sed",
    "rm",
    "cp",
    "mkdir",
    "chmod",
    "touch",
    "true",
    "env",
    "flock",
)

PYTHON = """#!/bin/sh
# Like the real Python, but makes no virtual environment and installs nothing.
case "$*" in
*version_info\\ \\<*) exit "${PYTHON_IS_OLD:-0}" ;;
--version) echo "Python ${PYTHON_VERSION:-3.11.7}"; exit ;;
*'import ensurepip'*) [ -e "$MACHINE/python-venv" ]; exit ;;
*'print("python'*) echo python3.11-venv; exit ;;
'-m pip --version') exit ;;
esac
echo "$(basename "$0") $*" >>"$MACHINE/calls"
case "$*" in
'-m venv'*)
    [ -e "$MACHINE/python-venv" ] || exit 1
    mkdir -p "$4/bin"
    cp "$MACHINE/bin/python3" "$4/bin/python"
    for tool in recharge ruff mypy lint-imports bandit pip-audit; do cp "$MACHINE/tool" "$4/bin/$tool"; done
    ;;
esac
"""

TOOL = """#!/bin/sh
name=$(basename "$0")
echo "$name $* in $PWD" >>"$MACHINE/calls"
case " ${FAILING-} " in *" $name "*) exit 1 ;; esac
"""

APT_GET = """#!/bin/sh
case "$*" in
*install*)
    "$MACHINE/sbin/policy-rc.d"
    policy=$?
    packages=$(echo "$*" | sed 's/.*recommends //')
    echo "apt-get install $packages under policy $policy, stdin $(cat)" >>"$MACHINE/calls"
    [ -z "${APT_FAILS-}" ] || exit 100
    for package in "$@"; do
        case $package in
        mosquitto) touch "$MACHINE/sbin/mosquitto"; chmod +x "$MACHINE/sbin/mosquitto" ;;
        mosquitto-clients) cp "$MACHINE/tool" "$MACHINE/bin/mosquitto_rr" ;;
        python3*-venv) touch "$MACHINE/python-venv" ;;
        esac
    done
    ;;
esac
"""


class Machine:
    """A machine with a shell, Python with its venv, Mosquitto and its clients, and no way to become root."""

    def __init__(self, folder: Path, shell: str) -> None:
        self.folder = folder / "machine"
        self.checkout = folder / "a check out"
        self.elsewhere = folder / "elsewhere"
        self._shell = shell
        for path in (self.folder / "bin", self.folder / "sbin", self.checkout, self.elsewhere):
            path.mkdir(parents=True)
        for tool in TOOLS:
            if real := shutil.which(tool):
                (self.folder / "bin" / tool).symlink_to(real)
        script = (CHECKOUT / "run").read_text()
        assert "/usr/sbin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/sbin" in script
        assert "/usr/sbin/policy-rc.d" in script
        for place in ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/sbin"):
            script = script.replace(place, str(self.folder / "sbin"))
        for place in ("/opt/homebrew/bin", "/home/linuxbrew/.linuxbrew"):
            script = script.replace(place, str(self.folder / "absent"))
        (self.checkout / "run").write_text(script)
        (self.checkout / "pyproject.toml").write_text("[project]\n")
        (self.folder / "tool").write_text(TOOL)
        (self.folder / "tool").chmod(0o755)
        (self.folder / "python-venv").touch()
        self.provide("python3", PYTHON)
        self.provide("id", "echo 1000")
        self.provide("mosquitto_rr", "exit 0")
        self.provide("mosquitto", "exit 0", "sbin")

    def provide(self, name: str, script: str, folder: str = "bin") -> None:
        file = self.folder / folder / name
        file.write_text(script if script.startswith("#!") else f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def lacks(self, *names: str) -> None:
        for name in names:
            for folder in ("bin", "sbin"):
                (self.folder / folder / name).unlink(missing_ok=True)

    def run(self, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        (self.folder / "calls").write_text("")
        return subprocess.run(
            [self._shell, str(self.checkout / "run"), *words],
            cwd=self.elsewhere,
            env={"PATH": str(self.folder / "bin"), "MACHINE": str(self.folder), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()


@pytest.fixture(params=["sh", "dash", "bash"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    shell = shutil.which(request.param)
    if shell is None:
        pytest.skip(f"{request.param} is not on this machine")
    return Machine(tmp_path, shell)


PIP = (
    "python -m pip --quiet --disable-pip-version-check --no-input install"
    " --root-user-action ignore --editable"
)


def test_sets_up_once(machine: Machine) -> None:
    done = machine.run("up", "--data-dir", "my data")
    assert done.returncode == 0, done.stderr
    venv, pip, recharge = machine.calls
    assert venv == f"python3 -m venv --clear {machine.checkout}/.venv"
    assert pip == f"{PIP} ."
    assert recharge == f"recharge up --data-dir my data in {machine.elsewhere}"

    machine.run("request", "findReservation", "vid=1")
    assert machine.calls == [f"recharge request findReservation vid=1 in {machine.elsewhere}"]


def test_installs_again_when_more_or_something_else_is_wanted(machine: Machine) -> None:
    machine.run("up")
    machine.run("test", "-k", "two words")
    assert machine.calls == [f"{PIP} .[dev]", "python -m pytest -n auto -k two words"]
    machine.run("up")
    assert machine.calls == [f"recharge up in {machine.elsewhere}"]

    (machine.checkout / "pyproject.toml").write_text("[project]\ndependencies = []\n")
    machine.run("up")
    assert machine.calls[0] == f"{PIP} ."


def test_interrupted_installation_is_done_again(machine: Machine) -> None:
    machine.run("up")
    (machine.checkout / ".venv" / "installed").unlink()
    machine.run("up")
    assert machine.calls[0] == f"{PIP} ."


def test_moved_checkout_is_installed_again(machine: Machine) -> None:
    machine.run("up")
    machine.checkout = machine.checkout.rename(machine.checkout.with_name("moved"))
    machine.run("up")
    assert machine.calls[0] == f"{PIP} ."


def test_broken_virtual_environment_is_replaced(machine: Machine) -> None:
    machine.run("up")
    (machine.checkout / ".venv" / "bin" / "python").unlink()
    machine.run("up")
    assert machine.calls[0] == f"python3 -m venv --clear {machine.checkout}/.venv"


def test_usage_needs_nothing(machine: Machine) -> None:
    machine.lacks("python3", "mosquitto")
    done = machine.run()
    assert done.returncode == 0
    assert "./run up [options]" in done.stdout
    assert "#" not in done.stdout
    assert machine.calls == []


def test_no_python(machine: Machine) -> None:
    machine.lacks("python3")
    done = machine.run("up")
    assert done.returncode == 1
    assert done.stderr.startswith("./run: Python 3.11 or newer is needed and was not found (python3: none)")
    assert done.stderr.count("\n") == 1


def test_old_python(machine: Machine) -> None:
    done = machine.run("up", PYTHON_IS_OLD="1", PYTHON_VERSION="3.9.2")
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed and was not found (python3: Python 3.9.2)" in done.stderr


def test_newer_python_beside_an_old_one(machine: Machine) -> None:
    machine.provide("python3.12", PYTHON)
    machine.provide("python3", PYTHON.replace("${PYTHON_IS_OLD:-0}", "1"))
    assert machine.run("up").returncode == 0
    assert machine.calls[0].startswith("python3.12 -m venv")


@pytest.mark.parametrize(
    ("missing", "package"), [("mosquitto", "mosquitto"), ("mosquitto_rr", "mosquitto-clients")]
)
def test_says_what_to_type_where_it_may_not_install(machine: Machine, missing: str, package: str) -> None:
    machine.lacks(missing)
    machine.provide("apt-get", APT_GET)
    machine.provide("sudo", "echo 'a password is required' >&2; exit 1")
    for command in ("up", "test"):
        done = machine.run(command)
        assert done.returncode == 1
        assert f"missing: {package}." in done.stderr
        assert f"sudo apt install {package} " in done.stderr
        assert "brew install mosquitto" in done.stderr
        assert "docker compose up --build" in done.stderr
        assert "password" not in done.stderr
        assert machine.calls == []


def test_commands_that_need_no_broker_ask_for_none(machine: Machine) -> None:
    machine.lacks("mosquitto", "mosquitto_rr")
    assert machine.run("request", "findReservation").returncode == 0
    assert machine.run("check").returncode == 0


@pytest.mark.parametrize("user", ["root", "sudo"])
def test_installs_what_is_missing(machine: Machine, user: str) -> None:
    machine.lacks("mosquitto", "mosquitto_rr")
    (machine.folder / "python-venv").unlink()
    machine.provide("apt-get", APT_GET)
    machine.provide("deb-systemd-helper", TOOL)
    machine.provide("update-rc.d", TOOL)
    if user == "root":
        machine.provide("id", "echo 0")
    else:
        machine.provide("sudo", '[ "$1" = -n ] || exit 1\nshift\nexec "$@"')
    done = machine.run("up")
    assert done.returncode == 0, done.stderr
    assert machine.calls[:3] == [
        "apt-get install python3.11-venv mosquitto mosquitto-clients under policy 101, stdin ",
        f"deb-systemd-helper --quiet disable mosquitto.service in {machine.elsewhere}",
        f"update-rc.d mosquitto disable in {machine.elsewhere}",
    ]
    assert machine.calls[-1] == f"recharge up in {machine.elsewhere}"
    assert not (machine.folder / "sbin" / "policy-rc.d").exists()


def test_only_a_broker_that_it_installed_is_disabled(machine: Machine) -> None:
    machine.lacks("mosquitto_rr")
    machine.provide("id", "echo 0")
    machine.provide("apt-get", APT_GET)
    machine.provide("deb-systemd-helper", TOOL)
    machine.provide("update-rc.d", TOOL)
    machine.run("up")
    assert machine.calls[0].startswith("apt-get install mosquitto-clients under")
    assert not any("disable mosquitto" in call or "mosquitto disable" in call for call in machine.calls)


def test_policy_of_the_machine_is_left_alone(machine: Machine) -> None:
    machine.lacks("mosquitto")
    machine.provide("id", "echo 0")
    machine.provide("apt-get", APT_GET)
    machine.provide("deb-systemd-helper", TOOL)
    machine.provide("update-rc.d", TOOL)
    machine.provide("policy-rc.d", "exit 104", "sbin")
    machine.run("up")
    assert machine.calls[0].startswith("apt-get install mosquitto under policy 104")
    assert "exit 104" in (machine.folder / "sbin" / "policy-rc.d").read_text()


def test_installation_that_fails(machine: Machine) -> None:
    machine.lacks("mosquitto")
    machine.provide("id", "echo 0")
    machine.provide("apt-get", APT_GET)
    done = machine.run("up", APT_FAILS="1")
    assert done.returncode == 1
    assert "sudo apt install mosquitto " in done.stderr
    assert not (machine.folder / "sbin" / "policy-rc.d").exists()


def test_python_that_makes_no_virtual_environment(machine: Machine) -> None:
    """Debian's without python3-venv."""
    (machine.folder / "python-venv").unlink()
    done = machine.run("up")
    assert done.returncode == 1
    assert "sudo apt install python3.11-venv " in done.stderr
    assert not (machine.checkout / ".venv").exists()


def test_check_runs_everything_and_fails_if_anything_did(machine: Machine) -> None:
    expected = [
        f"{call} in {machine.checkout}"
        for call in (
            "ruff format --check .",
            "ruff check .",
            "mypy ",
            "lint-imports ",
            "bandit -q -ii -c pyproject.toml -r cloud_service clients",
            "pip-audit --disable-pip -r requirements.lock",
        )
    ]
    done = machine.run("check")
    assert done.returncode == 0, done.stderr
    assert machine.calls[-6:] == expected

    done = machine.run("check", FAILING="mypy")
    assert done.returncode == 1
    assert machine.calls == expected
    assert done.stderr.splitlines()[-1] == "./run: failed: mypy"


@pytest.mark.alone
def test_fresh_clone_for_real(tmp_path: Path) -> None:
    """The real Python and package index, in a folder with a space, called from another."""
    index = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--quiet",
        "--dest",
        str(tmp_path),
        "msgspec",
    ]
    if subprocess.run(index, capture_output=True, check=False).returncode != 0:
        pytest.skip("no package index can be reached")
    checkout = tmp_path / "a fresh clone"
    checkout.mkdir()
    for name in ("run", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, checkout)
    for name in ("cloud_service", "clients", "mosquitto"):
        shutil.copytree(CHECKOUT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for delivered in (True, False):
        done = subprocess.run(
            [str(checkout / "run"), "--version"],
            cwd="/",
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("recharge ")
        assert ("installing the project" in done.stderr) == delivered
