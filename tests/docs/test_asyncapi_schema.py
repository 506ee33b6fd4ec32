"""docs/asyncapi.yaml is an AsyncAPI 3 document, by AsyncAPI's own schema."""

import copy
import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from tests.docs.pages import ROOT
from tests.guests import INSTALL, MODULES

SCHEMA = MODULES / "@asyncapi" / "specs" / "schemas" / "3.0.0-without-$id.json"
DOCUMENT = yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text())

pytestmark = pytest.mark.skipif(not SCHEMA.exists(), reason=f"AsyncAPI's schema is missing: {INSTALL}")


@pytest.fixture(scope="module")
def validator() -> Draft7Validator:
    return Draft7Validator(json.loads(SCHEMA.read_text()))


def _mistakes(validator: Draft7Validator, document: Any) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(document)]


def test_the_document_follows_the_schema(validator: Draft7Validator) -> None:
    assert _mistakes(validator, DOCUMENT) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("asyncapi", "2.6.0"),
        ("operations.newChargingStation.action", "subscribe"),
        ("channels.reply.address", 7),
        ("info.version", None),
    ],
)
def test_the_schema_finds_a_mistake(validator: Draft7Validator, path: str, value: object) -> None:
    document = copy.deepcopy(DOCUMENT)
    *parents, key = path.split(".")
    node = document
    for parent in parents:
        node = node[parent]
    node[key] = value
    assert _mistakes(validator, document)
