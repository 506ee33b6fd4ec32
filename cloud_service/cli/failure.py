"""How a command says, in the reader's language, why it failed."""

import sys

from cloud_service.language.language import language_of_environment
from cloud_service.language.text import Reason, Text, TextError

Problem = str | Text | Exception
"""A str is a text that is in the reader's language already."""


def complain(command: str, problem: Problem) -> int:
    """Prints the problem to standard error. Returns the exit status of a command that failed."""
    print(f"recharge {command}: {in_words(problem)}", file=sys.stderr)
    return 1


def in_words(problem: Problem) -> str:
    """The problem in the reader's language."""
    say = language_of_environment()
    match problem:
        case str():
            return problem
        case Text() | TextError():
            return say(problem)
        case _:
            # The library's words for the network's errors bring much along that other starts do not need.
            from recharge.terminal.wording import explain

            return explain(problem, say)


def of_file(error: OSError) -> Text:
    """Why the system refused, after the file that it is about."""
    if error.filename is None:
        return Text("{error}", error=error)
    return Text("{file}: {reason}", file=error.filename, reason=Reason(error))
