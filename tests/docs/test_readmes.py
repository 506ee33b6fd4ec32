"""Both READMEs have the same structure, and the first command does what they say."""

import html
import re
import subprocess
import sys
from pathlib import Path

import cloud_service
from cloud_service.protocol.actions import CLIENT_ACTIONS
from tests.docs.pages import ROOT, Block, Page, commands, in_portuguese
from tests.kit.processes import HOST, Process, clean_environment
from tests.kit.waiting import DEADLINE, wait_until

ENGLISH = Page(ROOT / "README.md")
PORTUGUESE = Page(ROOT / "README.pt-BR.md")
DEMO = ROOT / "docs" / "images" / "demo.svg"


def _without_comments(block: Block) -> str:
    return "\n".join(line for line in block.text.splitlines() if not line.startswith("#"))


def test_same_blocks() -> None:
    blocks = [
        [(block.language, _without_comments(block)) for block in page.blocks]
        for page in (ENGLISH, PORTUGUESE)
    ]
    assert blocks[0] == blocks[1]


def test_same_structure() -> None:
    levels = [[heading.level for heading in page.headings] for page in (ENGLISH, PORTUGUESE)]
    assert levels[0] == levels[1]
    assert ENGLISH.tables == PORTUGUESE.tables
    paragraphs = [len(re.findall(r"\n\n", page.path.read_text())) for page in (ENGLISH, PORTUGUESE)]
    assert paragraphs[0] == paragraphs[1]


def test_same_links() -> None:
    """Except for those of the READMEs to each other. The guides are those in the reader's language."""
    targets = [
        [target for target in page.targets if not target.startswith("README")]
        for page in (ENGLISH, PORTUGUESE)
    ]
    assert targets[1] == [in_portuguese(target) for target in targets[0]]
    assert PORTUGUESE.path.name in ENGLISH.links
    assert ENGLISH.path.name in PORTUGUESE.links


def test_all_actions_in_order() -> None:
    for page in (ENGLISH, PORTUGUESE):
        named = [match[1] for line in page.prose if (match := re.match(r"\| `(\w+)` \|", line))]
        assert named == list(CLIENT_ACTIONS), page.name


def test_version_of_the_changelog() -> None:
    releases = re.findall(r"^## \[([^]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert releases[0] in ("Unreleased", cloud_service.__version__)
    assert cloud_service.__version__ in releases


def _shape(text: str) -> str:
    """A text without its spaces, ports and data folder."""
    return re.sub(r"\s+|(?<=127\.0\.0\.1:)\d+|(?<=-p )\d+|(?<=data  )/.*", "", text)


def _shown(picture: Path) -> str:
    texts = re.findall(r"<text [^>]*>([^<]*)</text>", picture.read_text())
    return "".join(html.unescape(text) for text in texts).replace("\N{NO-BREAK SPACE}", " ")


def test_the_first_command(tmp_path: Path) -> None:
    """It prints what the picture shows, its command gets a reply, and the chargers register."""
    start = next(commands(ENGLISH.blocks[0]))
    words = start.removeprefix("./run ").split()
    free_ports = ["--mqtt-port", "0", "--tcp-port", "0", "--http-port", "0"]
    folder = ["--data-dir", str(tmp_path / "data")]
    log = tmp_path / "log"
    process = Process(
        "up", [sys.executable, "-m", "cloud_service", *words, *free_ports, *folder], log, clean_environment()
    )
    process.start()
    try:

        def said(text: str, times: int = 1) -> bool:
            process.check()
            return len(re.findall(text, log.read_text(), re.MULTILINE)) == times

        wait_until(lambda: said("^ready"), "the network is ready")
        wait_until(
            lambda: said(r"  demo-charger-(\d|of-a-day)  Station \d+ at ", 4),
            "the demo's chargers have registered",
        )
        head = re.search(r"^MQTT .*^ready.*?$", log.read_text(), re.MULTILINE | re.DOTALL)
        assert head is not None
        for line in head[0].splitlines():
            assert _shape(line) in _shape(_shown(DEMO)), line
        pasted = re.search(r"^ +(\S*mosquitto_rr .*)$", log.read_text(), re.MULTILINE)
        assert pasted is not None
        assert HOST in pasted[1]
        answer = subprocess.check_output(["sh", "-c", pasted[1]], text=True, timeout=DEADLINE)
        assert answer == '{"requestID":null,"ok":true,"result":5}\n'
    finally:
        status = process.stop()
    assert status == 0, process.tail()
    assert (tmp_path / "data" / "charging_stations.json").read_text().count("chargingStationID") == 5


def test_the_picture_shows_the_demo() -> None:
    for text in (next(commands(ENGLISH.blocks[0])), "Reserved point", "Charging with"):
        assert _shape(text) in _shape(_shown(DEMO))
    assert all("docs/images/demo.svg" in page.links for page in (ENGLISH, PORTUGUESE))
