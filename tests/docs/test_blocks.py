"""Every code block runs, or its language says that it is only shown."""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from cloud_service.cli.main import COMMANDS
from tests.docs.pages import ROOT, RUN, SHOWN, Block, Page, commands, pages
from tests.kit.waiting import DEADLINE

PAGES = pages()


def run(words: list[str], text: str, folder: Path, environment: dict[str, str]) -> str:
    """Runs a program on standard input, and ends the processes that it leaves. Returns its output."""
    process = subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env=environment,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(text, timeout=2 * DEADLINE)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert process.returncode == 0, output
    assert '"ok":false' not in output, output
    assert "Traceback" not in output, output
    return output


@pytest.mark.parametrize("page", [page for page in PAGES if page.blocks], ids=lambda page: page.name)
def test_a_block_is_run_or_shown(page: Page) -> None:
    for block in page.blocks:
        known = ", ".join((*RUN, *SHOWN))
        assert block.language in (*RUN, *SHOWN), f"{page.name}, line {block.line}: none of {known}"
        if block.language == "console":
            assert list(commands(block)), f"{page.name}, line {block.line}: no line begins with `$ `"


SHELL_PAGES = [page for page in PAGES if any(block.language == "sh" for block in page.blocks)]


@pytest.mark.parametrize("page", SHELL_PAGES, ids=lambda page: page.name)
def test_shell_blocks_run(page: Page, checkout: Path, reader: dict[str, str]) -> None:
    """One after the other in one shell, as a reader pastes them."""
    script = "".join(
        f"echo '--- {page.name}, line {block.line}'\n{block.text}"
        for block in page.blocks
        if block.language == "sh"
    )
    run(["sh", "-eu"], script, checkout, reader)


EXAMPLES = {file.read_text() for file in (ROOT / "docs" / "examples").glob("*.py")}
"""Some of these run until they are stopped, so tests/integration/test_client_library.py runs them."""

PYTHON_BLOCKS = [
    pytest.param(block, id=f"{page.name}:{block.line}")
    for page in PAGES
    for block in page.blocks
    if block.language == "python" and block.text not in EXAMPLES
]


@pytest.mark.parametrize("block", PYTHON_BLOCKS)
def test_a_python_block_runs(block: Block, checkout: Path, reader: dict[str, str]) -> None:
    run([sys.executable, "-W", "error", "-"], block.text, checkout, reader)


def _recharge_lines() -> list[tuple[str, str, str]]:
    """(page, command, rest of the line) of each `recharge` command on the pages."""
    return [
        (page.name, match[1], match[2])
        for page in PAGES
        for block in page.blocks
        if block.language in ("sh", "console")
        for line in block.text.splitlines()
        for match in re.finditer(r"(?:\./run|\brecharge) ([a-z]+(?:-[a-z]+)*)\b([^|;)]*)", line)
    ]


def test_commands_and_flags_exist() -> None:
    """Also in blocks that are only shown."""
    helps: dict[str, str] = {}
    own = {"test", "check", "bench"}
    for page, command, rest in _recharge_lines():
        if command in own:
            continue
        assert command in {row.name for row in COMMANDS}, f"{page}: recharge {command}"
        if command not in helps:
            words = [sys.executable, "-m", "cloud_service", command, "--help"]
            helps[command] = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]+", rest):
            assert flag in helps[command], f"{page}: recharge {command} has no {flag}"
