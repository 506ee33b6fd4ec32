"""The public names of the library, and the page that documents them."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import msgspec
import pytest

import recharge
from recharge import (
    BrokerAddress,
    Charger,
    Event,
    Offer,
    Point,
    RequestError,
    Reservation,
    Station,
    TariffElement,
    Vehicle,
    Wishes,
)
from recharge import errors as library_errors

PAGE = (Path(__file__).parents[3] / "docs" / "clients.md").read_text()
CLIENTS = (Charger, Vehicle)


def section_of(heading: str) -> str:
    """The part of the page below this heading."""
    return PAGE.partition(f"\n### {heading}\n")[2].partition("\n### ")[0]


def methods() -> Iterator[tuple[str, FunctionType]]:
    for client in CLIENTS:
        for name, method in inspect.getmembers(client, inspect.isfunction):
            if not name.startswith("_"):
                yield f"{client.__name__}.{name}", method


@pytest.mark.parametrize("name", recharge.__all__)
def test_the_page_documents_every_public_name(name: str) -> None:
    assert hasattr(recharge, name)
    assert re.search(rf"\b{name}\b", PAGE)


def test_every_error_of_the_library_is_public() -> None:
    assert set(library_errors.__all__) <= set(recharge.__all__)


def test_every_refusal_is_public() -> None:
    refusals = {error.__name__ for error in RequestError.__subclasses__() if "test" not in error.__module__}
    assert refusals <= set(recharge.__all__)


def _as_written(default: object) -> str:
    if default is recharge.KEEP:
        return "KEEP"
    return f'"{default}"' if isinstance(default, str) else repr(default)


@pytest.mark.parametrize(("name", "method"), [*methods()])
def test_the_page_documents_every_method(name: str, method: FunctionType) -> None:
    parameters = ", ".join(
        parameter.name
        if parameter.default is parameter.empty
        else f"{parameter.name}={_as_written(parameter.default)}"
        for parameter in inspect.signature(method).parameters.values()
        if parameter.name != "self"
    )
    assert f"`{method.__name__}({parameters})`" in PAGE
    assert method.__doc__


@pytest.mark.parametrize(("name", "method"), [*methods()])
def test_the_page_has_the_type_and_unit_of_every_argument_of_a_method(
    name: str, method: FunctionType
) -> None:
    """In a row `| argument | type | meaning |` of the section of its class."""
    section = section_of(name.partition(".")[0])
    for parameter in list(inspect.signature(method).parameters)[1:]:
        assert re.search(rf"^\|[^|]*`{parameter}`[^|]*\| `[^|]+` \|[^|]+\|$", section, re.MULTILINE), (
            parameter
        )


@pytest.mark.parametrize(("name", "method"), [*methods()])
def test_the_page_has_the_errors_that_a_method_documents(name: str, method: FunctionType) -> None:
    row = re.search(rf"^\| `{method.__name__}\(.*$", section_of(name.partition(".")[0]), re.MULTILINE)
    assert row is not None
    for error in re.findall(r"Raises (\w+)", method.__doc__ or ""):
        assert f"`{error}`" in row[0]


def test_the_page_imports_every_public_name() -> None:
    imported = re.findall(r"^from recharge import (.*)$", section_of("Install"), re.MULTILINE)
    assert sorted(name for line in imported for name in line.split(", ")) == sorted(recharge.__all__)


@pytest.mark.parametrize("client", CLIENTS)
def test_the_page_documents_every_argument(client: type) -> None:
    for name in list(inspect.signature(client.__init__).parameters)[1:]:
        assert f"| `{name}` |" in PAGE, name


@pytest.mark.parametrize(
    "record", [BrokerAddress, Station, Point, TariffElement, Reservation, Wishes, Offer, Event]
)
def test_the_page_documents_every_field(record: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(record):
        assert f"`{field.name}`" in PAGE, field.name
        assert record is BrokerAddress or f"`{field.encode_name}`" in PAGE, field.encode_name
