"""docs/configuration.md shows every setting, and pages name no variable that does not exist."""

import pytest

from tests.docs.pages import Page, pages
from tests.docs.settings_table import PAGE, all_settings, variables, with_tables


def test_the_page_has_the_tables() -> None:
    page = PAGE.read_text()
    assert with_tables(page) == page, "python -m tests.docs.settings_table writes the tables"


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_variables_that_pages_name_exist(page: Page) -> None:
    known = {declared.setting.variable for declared in all_settings()}
    of_compose = {"RECHARGE_IMAGE"}
    assert variables(page.path.read_text()) <= known | of_compose
