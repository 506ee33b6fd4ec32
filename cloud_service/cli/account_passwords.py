"""How `recharge accounts` hands a password over."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cloud_service.accounts.broker_accounts import AccountsError
from cloud_service.accounts.first_accounts import read_password
from cloud_service.accounts.secret_files import FOR_OWNER, handed_over
from cloud_service.language.text import Reason, Text
from cloud_service.local.streams import print_or_fail


@contextmanager
def handed_over_before(password: str, file: Path | None, mode: int = FOR_OWNER) -> Iterator[None]:
    """Hands the password over before the block makes it valid at the broker.

    Raises AccountsError if that fails: afterwards nobody could ask for the password any more.
    """
    if file is None:
        _print_password(password)
        yield
        return
    # A folder that takes no file refuses before the block, and the block's own errors pass through.
    with ExitStack() as stack:
        try:
            stack.enter_context(handed_over(file, password + "\n", mode))
        except OSError as error:
            raise AccountsError(
                "cannot write the password to {file}: {reason}; no account was changed",
                file=file,
                reason=Reason(error),
            ) from None
        yield


def _print_password(password: str) -> None:
    try:
        print_or_fail(password)
    except OSError as error:
        raise AccountsError(
            "cannot print the password to standard output: {reason}; no account was changed."
            " --password-file writes it to a file instead",
            reason=Reason(error),
        ) from None


def check_has_password(name: str, file: Path) -> None:
    """Raises AccountsError if the file of an account that exists holds no password."""
    if not read_password(file):
        raise AccountsError(
            "{name} exists, but {file} holds no password: `accounts rotate {name} --password-file {file}`"
            " gives it a new one",
            name=name,
            file=file,
        )


def place_of(file: Path | None) -> Text:
    """Where the password is, in a sentence about it."""
    return Text("printed, and cannot be shown again") if file is None else Text("in {file}", file=file)
