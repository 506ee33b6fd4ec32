"""What the image installs is pinned, with hashes, and is what the project asks for."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)


def test_the_lock_file_has_what_the_project_needs() -> None:
    lock = dict(PINNED.findall((ROOT / "requirements.lock").read_text()))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for requirement in map(Requirement, project["dependencies"]):
        assert requirement.name in lock, f"requirements.lock lacks {requirement}"
        assert lock[requirement.name] in requirement.specifier, requirement


def test_every_pin_has_hashes() -> None:
    for entry in re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text().strip()):
        if not entry.startswith("#"):
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry


def test_images_are_pinned() -> None:
    for file in ("Dockerfile", "docker-compose.yml"):
        for image in re.findall(r"^(?:FROM|\s+image:) (\S+)", (ROOT / file).read_text(), re.MULTILINE):
            assert re.search(r":v?\d+\.\d+\.\d+|^\$\{RECHARGE_IMAGE", image), image
