"""`python -m cloud_service`: the same as `recharge`."""

import sys

from cloud_service.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
