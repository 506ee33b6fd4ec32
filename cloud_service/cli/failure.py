"""How a command says, in the reader's language, why it failed."""

import sys

from cloud_service.language.language import language_of_environment
from cloud_service.language.text import Text, TextError


def complain(command: str, problem: str | Text | TextError | OSError) -> int:
    """Prints the problem to standard error. Returns the exit status of a command that failed.

    A str is a text that is in the reader's language already.
    """
    print(f"recharge {command}: {_in_words(problem)}", file=sys.stderr)
    return 1


def _in_words(problem: str | Text | TextError | OSError) -> str:
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
