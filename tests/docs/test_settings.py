"""docs/configuration.md has every setting, as it is."""

import pytest

from cloud_service.cli.settings import SETTINGS
from tests.docs.pages import Page, pages
from tests.docs.settings_table import PAGE, variables, with_tables


def test_the_page_has_the_tables() -> None:
    page = PAGE.read_text()
    assert with_tables(page) == page, "python -m tests.docs.settings_table writes the tables anew"


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_variables_that_pages_name_exist(page: Page) -> None:
    known = {setting.variable for setting in SETTINGS.values()}
    of_compose = {"RECHARGE_IMAGE"}
    assert variables(page.path.read_text()) <= known | of_compose
