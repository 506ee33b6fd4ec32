"""Programs of others that the pages name, as the tests run them. package.json has those of npm."""

from pathlib import Path

_FOLDER = Path(__file__).parent

MODULES = _FOLDER / "node_modules"
"""What `npm install --prefix tests/guests` has installed, if anything."""

INSTALL = "install it with: npm install --prefix tests/guests"

HOME_ASSISTANT = _FOLDER / "home_assistant"
"""What runs Home Assistant's own code in Pyodide."""

WHEELS = HOME_ASSISTANT / "wheels"
"""What `tests/guests/home_assistant/download` has downloaded, if anything."""

INSTALL_HOME_ASSISTANT = "download it with: tests/guests/home_assistant/download"
