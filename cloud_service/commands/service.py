"""Runs the cloud service until SIGINT or SIGTERM."""

from argparse import Namespace

from cloud_service.runtime import run_service
from cloud_service.settings import service_settings


def main(options: Namespace) -> int:
    return run_service(service_settings(options))
