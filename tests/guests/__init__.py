"""Programs of others that the pages name, as the tests run them. package.json has those of npm."""

from pathlib import Path

MODULES = Path(__file__).parent / "node_modules"
"""What `npm install --prefix tests/guests` has installed, if anything."""

INSTALL = "install it with: npm install --prefix tests/guests"
