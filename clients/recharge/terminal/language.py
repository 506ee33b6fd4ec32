"""The language of the reader: translations (gettext), numbers and times.

Code says `say("{points} points", points=...)`: the English text is the key of its translation in
`locale/pt/LC_MESSAGES/recharge.po`, where an untranslated text fails a test.
"""

import gettext
from datetime import datetime
from pathlib import Path
from typing import Final

DOMAIN: Final = "recharge"
LOCALE_DIR: Final = Path(__file__).parents[1] / "locale"

_SWAP_COMMA_AND_POINT: Final = str.maketrans(",.", ".,")


class Language:
    """Called with an English text and its values, returns the text in this language."""

    def __init__(self, translations: gettext.NullTranslations) -> None:
        self._translations = translations
        self.name = translations.info().get("language", "en")

    @property
    def is_english(self) -> bool:
        return self.name == "en"

    def __call__(self, text: str, /, **values: object) -> str:
        return self._translations.gettext(text).format(**values)

    def number(self, value: float, digits: int = 1) -> str:
        """Formats a number with this many decimals: 1,234.5, or 1.234,5 in Portuguese."""
        text = f"{value:,.{digits}f}"
        return text if self.is_english else text.translate(_SWAP_COMMA_AND_POINT)

    def measure(self, value: float) -> str:
        """Formats a number as short as possible: 22 and 7.2."""
        return self.number(value, 0 if float(value).is_integer() else 1)

    def time(self, moment: datetime) -> str:
        """Formats a time in the local zone, with the date unless it is today."""
        local = moment.astimezone()
        if local.date() == datetime.now().astimezone().date():
            return f"{local:%H:%M}"
        return f"{local:%Y-%m-%d %H:%M}" if self.is_english else f"{local:%d/%m/%Y %H:%M}"


ENGLISH: Final = Language(gettext.NullTranslations())


def language_of_environment() -> Language:
    """Returns the language that LANGUAGE, LC_ALL, LC_MESSAGES or LANG asks for, in this order."""
    return Language(gettext.translation(DOMAIN, LOCALE_DIR, fallback=True))
