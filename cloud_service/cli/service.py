"""Runs the cloud service until SIGINT or SIGTERM."""

from argparse import Namespace

from cloud_service.cli.settings import service_settings
from cloud_service.service.process import run_service


def main(options: Namespace) -> int:
    return run_service(service_settings(options))
