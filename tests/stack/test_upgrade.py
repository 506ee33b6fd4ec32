"""An upgrade keeps the data: of every form that the files ever had, and of the last release's own stack."""

import io
import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.compose import ROOT, ComposeStack, docker
from tests.stack.data_forms.make import FOLDERS, NETWORK, ask, check

pytestmark = [pytest.mark.alone, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def stopped(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeStack]:
    """A stack that was built, and that each test starts with files of its own."""
    stack = ComposeStack(tmp_path_factory.mktemp("upgrade"), "2.0")
    try:
        stack.compose("build")
        yield stack
    finally:
        stack.remove()


def _fill(stack: ComposeStack, form: Path) -> None:
    """Puts a folder's files where the service keeps its own."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as files:
        for file in form.iterdir():
            files.add(file, file.name)
    words = ("run", "--rm", "-T", "--no-deps", "--entrypoint", "python", "cloud_service", "-c")
    unpack = "tarfile.open(fileobj=sys.stdin.buffer, mode='r|').extractall('/data', filter='data')"
    stack.compose(*words, f"import sys, tarfile; {unpack}", stdin=packed.getvalue())


@pytest.mark.parametrize("form", FOLDERS, ids=lambda form: form.name)
def test_files_of_every_form_are_read(stopped: ComposeStack, form: Path) -> None:
    try:
        _fill(stopped, form)
        stopped.up()
        check(stopped.tcp_port)
    finally:
        stopped.compose("down", "-v", "--timeout", "5")


def test_from_the_last_release(engine: None, tmp_path: Path) -> None:
    tag = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0", "HEAD^"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    if not tag:
        pytest.skip("there is no release before this one: no tag in this checkout")
    archive = subprocess.run(["git", "archive", tag], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(tmp_path / "before", filter="data")
    before = ComposeStack(tmp_path, "2.0", project=tmp_path / "before")
    after = ComposeStack(tmp_path, "2.0")
    after.take_over(before)
    try:
        before.up()
        for request in NETWORK:
            assert ask(before.tcp_port, request) != b"None"
        password = before.accounts("add", "charger-1", "--role", "charger")
        after.up()
        check(after.tcp_port)
        assert ["charger-1", "charger"] in [line.split() for line in after.accounts("list").splitlines()]
        assert password
    finally:
        after.remove()
        docker("image", "rm", "-f", before.image)


def test_a_network_that_somebody_made_before(engine: None, tmp_path: Path) -> None:
    """Compose refuses it with the message that the documentation answers, and uses it if configured to."""
    stack = ComposeStack(tmp_path, "2.0")
    docker("network", "create", stack.network)
    try:
        stack.compose("build")
        with pytest.raises(AssertionError, match="incorrect label"):
            stack.compose("create", "gateway")
        stack.write_settings(RECHARGING_MANAGER_EXTERNAL="true")
        stack.compose("create", "gateway")
        networks = json.loads(docker("inspect", stack.container("gateway")))[0]["NetworkSettings"]["Networks"]
        assert docker("network", "inspect", "-f", "{{.Id}}", stack.network).strip() in networks
    finally:
        stack.remove()
        docker("network", "rm", stack.network)
