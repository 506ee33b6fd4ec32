"""`recharge`, also `python -m cloud_service`."""

import sys


def main() -> int:
    """Runs `recharge` and returns the exit status: 130 after Ctrl-C, also while modules are imported."""
    try:
        from cloud_service.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
