"""Reads the arguments and settings of a command into its record.

A flag overrides its environment variable, a variable overrides the default. An empty variable counts as not
set.
"""

import re
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from cloud_service.config.help_text import extended, hung, reflowed
from cloud_service.config.setting import (
    Declared,
    Setting,
    SettingError,
    annotation,
    declared_settings,
    is_record,
)
from cloud_service.config.values import UnusableValue
from cloud_service.language.language import Language, language_of_environment, translate_argparse
from cloud_service.language.text import Text

Record = TypeVar("Record", bound=Struct)


class Argument:
    """Annotates a field of a command's record that is not a setting: it has no environment variable.

    Takes what ArgumentParser.add_argument takes. The name and the default are those of the field.
    """

    def __init__(self, *flags: str, **options: Any) -> None:
        self.flags = flags
        self.options = options


class SettingsGiven(Struct, frozen=True):
    """The names of the settings that a flag or a variable set: a field of this type receives them."""

    names: frozenset[str]

    def __contains__(self, name: str) -> bool:
        return name in self.names


class Parser(ArgumentParser):
    """An ArgumentParser that accepts no abbreviations and reports a mistake in two lines."""

    def __init__(self, say: Language, **options: Any) -> None:
        translate_argparse()
        self.say = say
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        advice = self.say("See `{command}`.", command=f"{self.prog} --help")
        self.exit(2, f"{self.prog}: {message}\n{advice}\n")


_NEGATIVE_PLACE: Final = re.compile(r"-\.?\d[^=]*,")


def _with_negative_places(words: Sequence[str]) -> list[str]:
    """Writes `--near -3,4` as `--near=-3,4`: argparse takes for an option what begins with a minus.

    It makes an exception only for single numbers.
    """
    written: list[str] = []
    for word in words:
        flag = written[-1] if written else ""
        if flag.startswith("--") and "=" not in flag and flag != "--" and _NEGATIVE_PLACE.match(word):
            written[-1] = f"{flag}={word}"
        else:
            written.append(word)
    return written


class CommandLine:
    """The command line of one command, which takes what these records declare, in the reader's language.

    `--help` reflows the description, and keeps the lines of the epilog as far as they fit into the terminal.
    """

    def __init__(
        self,
        program: str,
        records: Sequence[type[Struct]],
        description: str | Text,
        epilog: str | Text = "",
    ) -> None:
        self._say = say = language_of_environment()
        self._parser = Parser(
            say,
            prog=program,
            description=reflowed(say(description)),
            epilog=hung(say(epilog)),
            formatter_class=RawDescriptionHelpFormatter,
        )
        for record in records:
            self._add_arguments(record)
        # There are many settings. The usage leaves them out; the sections below it describe each of them.
        usage = extended(self._parser.format_usage().rstrip(), f"[{say('settings')}]", beside=program)
        _, _, self._parser.usage = usage.partition(": ")
        self._settings = declared_settings(*records)
        self._add_settings()

    def read(self, words: Sequence[str], environment: Mapping[str, str]) -> "Values":
        """Reads the words and the environment. Ends the process with status 2 if one cannot be used.

        Raises SettingError for the file of a secret that cannot be read.
        """
        values = vars(self._parser.parse_args(_with_negative_places(words)))
        given = set()
        for declared in self._settings:
            setting = declared.setting
            if setting.name in values or environment.get(setting.variable):
                given.add(setting.name)
            if setting.name not in values:
                values[setting.name] = self._from_environment(declared, environment)
        for setting in (declared.setting for declared in self._settings if declared.setting.secret):
            if values[setting.name] is None:
                values[setting.name] = _first_line(values[setting.secret_file.name])
        return Values(values, frozenset(given))

    def help_text(self) -> str:
        """What `--help` prints."""
        return self._parser.format_help()

    def _add_arguments(self, record: type[Struct]) -> None:
        for field in fields(record):
            if is_record(field):
                self._add_arguments(field.type)
            elif argument := annotation(field, Argument):
                options = self._translated(argument.options)
                if field.default is not NODEFAULT:
                    options = {"default": field.default, **options}
                if argument.flags:
                    options = {"dest": field.name, **options}
                self._parser.add_argument(*(argument.flags or (field.name,)), **options)

    def _translated(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options of an argument with its texts, and the errors of its type, in the reader's language."""
        texts = {name: self._say(options[name]) for name in ("help", "metavar") if name in options}
        read = {"type": self._reader(options["type"])} if "type" in options else {}
        return {**options, **texts, **read}

    def _reader(self, read: Callable[[str], Any]) -> Callable[[str], Any]:
        @wraps(read)
        def read_or_say_why(text: str) -> Any:
            try:
                return read(text)
            except UnusableValue as error:
                raise ArgumentTypeError(self._say(error)) from None

        return read_or_say_why

    def _add_settings(self) -> None:
        groups: dict[str, Any] = {}
        for declared in self._settings:
            setting = declared.setting
            if setting.section not in groups:
                groups[setting.section] = self._parser.add_argument_group(self._say(setting.section))
            if setting.flag:
                groups[setting.section].add_argument(
                    setting.flag,
                    dest=setting.name,
                    metavar=self._say(setting.kind.metavar),
                    type=self._reader(setting.kind.read),
                    default=SUPPRESS,
                    help=self._help(declared),
                )

    def _from_environment(self, declared: Declared, environment: Mapping[str, str]) -> Any:
        text = environment.get(declared.setting.variable)
        if not text:
            return declared.default
        try:
            return declared.setting.kind.read(text)
        except UnusableValue as error:
            variable = declared.setting.variable
            self._parser.error(
                self._say("environment variable {variable}: {error}", variable=variable, error=error)
            )

    def _help(self, declared: Declared) -> str:
        setting, default = declared.setting, declared.setting.text(declared.default)
        text = self._say(setting.help)
        if default:
            text = self._say("{help} (default: {default})", help=text, default=default)
        return f"{text} [{setting.variable}]".replace("%", "%%")


class Values(Struct, frozen=True):
    """The values of a command's arguments and settings by name, and which settings were given."""

    values: Mapping[str, Any]
    given: frozenset[str]

    def record(self, kind: type[Record]) -> Record:
        """A record with these values, and with the records within it."""
        values = {}
        for field in fields(kind):
            if field.type is SettingsGiven:
                values[field.name] = SettingsGiven(self.given)
            elif is_record(field):
                values[field.name] = self.record(field.type)
            elif setting := annotation(field, Setting):
                values[field.name] = self.values[setting.name]
            elif annotation(field, Argument):
                values[field.name] = self.values[field.name]
        return kind(**values)


def _first_line(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return file.read_text().partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError("cannot read the password file {file}: {error}", file=file, error=error) from None
