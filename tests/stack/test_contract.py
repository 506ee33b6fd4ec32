"""The contract suite against the stack, from a container beside those of existing clients."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.stack.compose import ComposeStack, docker

pytestmark = [pytest.mark.alone, pytest.mark.timeout(1500)]

TESTS = Path(__file__).parents[1]
LEAST = 50
"""Fewer tests than this are not the suite."""


def test_the_contract_suite_passes_in_a_container(compose: ComposeStack) -> None:
    """MQTT with TLS through the published port; TCP by the name cloud_server, in recharging_manager."""
    image = f"{compose.name}-contract:test"
    dockerfile = TESTS / "stack" / "in_container" / "Dockerfile"
    docker(
        "build", "-q", "-t", image, "--build-arg", f"IMAGE={compose.image}", "-f", str(dockerfile), str(TESTS)
    )
    try:
        done = subprocess.run(
            [
                *("docker", "run", "--rm", "--network", compose.network, "--read-only", "--tmpfs", "/tmp"),
                *("--add-host", "broker.test:host-gateway"),
                *("-v", f"{compose.name}_administrator:/secrets/administrator:ro"),
                *("-v", f"{compose.name}_certificates:/mosquitto/certificates:ro"),
                *(image, "tests/stack/in_container/suite.py", "-q", "--tls-port", str(compose.tls_port)),
            ],
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )
    finally:
        subprocess.run(["docker", "image", "rm", "-f", image], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None, done.stdout
    assert int(passed[1]) >= LEAST, done.stdout
