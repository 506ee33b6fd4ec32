"""A text for people that is put into their language where it is shown, not where it is made.

    raise SnapshotFailed("{folder} is not a folder", folder=place)

The log shows `str(error)`, in English; a command shows `say(error)`, in the reader's language.
"""


class Text:
    """An English text with fields, as in `str.format`, and their values. A value may be a Text too."""

    def __init__(self, english: str, /, **values: object) -> None:
        self.english = english
        self.values = values

    def __str__(self) -> str:
        return self.english.format(**self.values) if self.values else self.english

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Text) and (self.english, self.values) == (other.english, other.values)

    def __hash__(self) -> int:
        return hash(self.english)

    def __repr__(self) -> str:
        return f"Text({str(self)!r})"


class Reason:
    """Why the system refused something, without the file that it is about."""

    def __init__(self, error: OSError) -> None:
        self.error = error

    def __str__(self) -> str:
        return self.error.strerror or str(self.error)


class TextError(Exception):
    """An error whose text can be shown in the reader's language."""

    def __init__(self, english: str | Text, /, **values: object) -> None:
        self.text = english if isinstance(english, Text) else Text(english, **values)
        super().__init__(str(self.text))
