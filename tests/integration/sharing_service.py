"""A cloud service that takes its share of the requests, as those with one database do.

    python -m tests.integration.sharing_service INSTANCE

Each has a data folder of its own here, so that a test sees which of them has answered.
"""

import sys
from functools import partial
from pathlib import Path

from cloud_service.cli import service
from cloud_service.cli.main import main
from cloud_service.service.membership import member
from cloud_service.service.process import run_service
from tests.kit.processes import HOST, Broker, Process, clean_environment

ROOT = Path(__file__).parents[2]


def sharing_service(folder: Path, broker: Broker, instance: str) -> Process:
    """Such a process, which was not started yet."""
    environment = clean_environment(
        RECHARGE_DATA_DIR=str(folder / instance),
        RECHARGE_MQTT_HOST=HOST,
        RECHARGE_MQTT_PORT=str(broker.port),
        PYTHONPATH=f"{ROOT}:{ROOT / 'clients'}",
    )
    words = [sys.executable, "-m", "tests.integration.sharing_service", instance]
    return Process(instance, words, folder / f"{instance}.log", environment)


def _run(instance: str) -> int:
    vars(service)["run_service"] = partial(run_service, membership=member(instance))
    return main(["service"])


if __name__ == "__main__":
    sys.exit(_run(sys.argv[1]))
