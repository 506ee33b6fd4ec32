"""The language of the reader: translations (gettext), numbers and times.

Code says `say("{points} points", points=...)`: the English text is the key of its translation in
`locale/pt/LC_MESSAGES/recharge.po`, where an untranslated text fails a test.
"""

import gettext
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from cloud_service.language.text import Reason, Text, TextError

DOMAIN: Final = "recharge"
LOCALE_DIR: Final = Path(__file__).parent / "locale"

_SWAP_COMMA_AND_POINT: Final = str.maketrans(",.", ".,")


class Language:
    """Called with a text and its values, returns the text in this language."""

    def __init__(self, translations: gettext.NullTranslations) -> None:
        self._translations = translations
        self.name = translations.info().get("language", "en")

    @property
    def is_english(self) -> bool:
        return self.name == "en"

    def __call__(self, text: str | Text | TextError, /, **values: object) -> str:
        """The text with its values. Those that are texts or errors of the system are translated too."""
        if isinstance(text, TextError):
            text = text.text
        if isinstance(text, Text):
            return self._filled_in(text.english, text.values)
        return self._filled_in(text, values)

    def number(self, value: float | Decimal, digits: int = 1) -> str:
        """Formats a number with this many decimals: 1,234.5, or 1.234,5 in Portuguese."""
        text = f"{value:,.{digits}f}"
        return text if self.is_english else text.translate(_SWAP_COMMA_AND_POINT)

    def measure(self, value: float) -> str:
        """Formats a number as short as possible: 22 and 7.2."""
        return self.number(value, 0 if float(value).is_integer() else 1)

    def percent(self, share: float) -> str:
        """Formats a share as a percentage: 12.5%, or 12,5% in Portuguese."""
        return f"{self.number(100 * share)}%"

    def time(self, moment: datetime, *, with_year: bool = True) -> str:
        """Formats a time in the local zone, with the date unless it is today."""
        local = moment.astimezone()
        if local.date() == datetime.now().astimezone().date():
            return f"{local:%H:%M}"
        if with_year:
            return f"{self.day(local)} {local:%H:%M}"
        return f"{local:%m-%d %H:%M}" if self.is_english else f"{local:%d/%m %H:%M}"

    def day(self, moment: datetime) -> str:
        """Formats the date of a moment."""
        return f"{moment:%Y-%m-%d}" if self.is_english else f"{moment:%d/%m/%Y}"

    def _filled_in(self, english: str, values: Mapping[str, object]) -> str:
        # gettext's translation of an empty text is the head of the catalogue.
        text = self._translations.gettext(english) if english else ""
        return text.format(**{name: self._value(value) for name, value in values.items()}) if values else text

    def _value(self, value: object) -> object:
        if isinstance(value, Text | TextError):
            return self(value)
        if isinstance(value, OSError | Reason) and not self.is_english:
            from cloud_service.language.system_errors import describe_system_error, reason_of

            return self(reason_of(value.error) if isinstance(value, Reason) else describe_system_error(value))
        return value


ENGLISH: Final = Language(gettext.NullTranslations())


def language_of_environment() -> Language:
    """Returns the language that LANGUAGE, LC_ALL, LC_MESSAGES or LANG asks for, in this order."""
    return Language(gettext.translation(DOMAIN, LOCALE_DIR, fallback=True))


def translate_argparse() -> None:
    """Makes argparse, which asks gettext for its own texts, find them in our catalogue."""
    gettext.bindtextdomain(DOMAIN, str(LOCALE_DIR))
    gettext.textdomain(DOMAIN)
