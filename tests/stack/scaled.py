"""The stack of docker-compose.scale.yml, with passwords of a test's own."""

import json
import subprocess
from pathlib import Path
from secrets import token_hex

from tests.stack.compose import ROOT, ComposeStack

STAND_INS = Path(__file__).parent / "stand_ins.yml"
PASSWORDS = ("database_superuser", "database_owner", "database_service")
_SECOND_BROKERS = {"2.0": (), "2.1": (Path(__file__).parent / "mosquitto-2.1-scaled.yml",)}
_PULL_SECONDS = 300


class ScaledStack(ComposeStack):
    """PostgreSQL, three services, two brokers and two gateways behind HAProxy."""

    lasting = (
        "postgres",
        "mosquitto",
        "mosquitto_2",
        "balancer",
        "cloud_service",
        "gateway",
        "monitor",
        "ocpp_gateway",
    )

    def __init__(self, folder: Path, version: str) -> None:
        super().__init__(folder, version)
        self.files += (ROOT / "docker-compose.scale.yml", *_SECOND_BROKERS[version])
        self.secrets = folder / "secrets"
        self.secrets.mkdir(mode=0o700)
        for name in PASSWORDS:
            (self.secrets / name).write_text(token_hex(24))
        self.write_settings(SECRETS=str(self.secrets))
        if not all(map(_can_be_had, self._official_images())):
            self.files += (STAND_INS,)

    def _official_images(self) -> list[str]:
        """Those that this file brings along."""
        services = json.loads(self.compose("config", "--format", "json"))["services"]
        return [services[name]["image"] for name in ("postgres", "balancer")]

    def query(self, login: str, password: str, statement: str) -> str:
        """What a statement gives, with this login at the database."""
        address = f"postgresql://{login}@127.0.0.1/recharge"
        words = (
            "exec",
            "-T",
            "--env",
            f"PGPASSWORD={password}",
            "postgres",
            "psql",
            address,
            "-Atc",
            statement,
        )
        return self.compose(*words).strip()


def _can_be_had(image: str) -> bool:
    """Whether the engine has the image, or a registry gives it."""
    if (
        subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode
        == 0
    ):
        return True
    try:
        pulled = subprocess.run(
            ["docker", "pull", "-q", image], capture_output=True, timeout=_PULL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return pulled.returncode == 0
