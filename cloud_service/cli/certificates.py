"""Makes the certificates of a secured broker and of devices."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

from msgspec import Struct

from cloud_service.accounts.audit_log import AuditLog
from cloud_service.accounts.broker_accounts import AccountsError, check_device_name
from cloud_service.accounts.certificates import Authority, CertificateError, CertificateFiles
from cloud_service.accounts.first_accounts import AccountsDamaged, make_monitor_token
from cloud_service.accounts.secure_broker import BrokerFolders, prepare
from cloud_service.accounts.settings import DataSettings, SecuritySettings
from cloud_service.cli.failure import complain, of_file
from cloud_service.cli.verbs import wrong_names
from cloud_service.config.command_line import Argument
from cloud_service.language.language import language_of_environment
from cloud_service.language.text import Text

EPILOG: Final = Text("""\
verbs:
  prepare      creates what a secured broker needs to start and does not have yet: a private authority, the \
broker's certificate, the first accounts, and the token of the live map; renews a certificate \
that expires soon
  device NAME  creates NAME.crt and NAME.key, with which a device is the account NAME: for mutual TLS
  show         lists the certificates and when they expire""")

_NAMES: Final = {"prepare": 0, "device": 1, "show": 0}
"""How many names each verb takes."""


class Options(Struct, frozen=True, kw_only=True):
    verb: Annotated[str, Argument(choices=_NAMES, metavar="VERB", help=", ".join(_NAMES))]
    names: Annotated[list[str], Argument(nargs="*", metavar="NAME", help="the account's name")]
    output_dir: Annotated[
        Path,
        Argument(
            "--output-dir",
            type=Path,
            metavar="DIR",
            help="where a device's files are written (default: the current folder)",
        ),
    ] = Path()
    print: Annotated[
        bool,
        Argument("--print", action="store_true", help="print a device's key and certificate instead"),
    ] = False
    data: DataSettings
    security: SecuritySettings


def main(options: Options) -> int:
    if problem := wrong_names(options.verb, _NAMES[options.verb], len(options.names)):
        return complain("certificates", problem)
    folders = options.security.folders(options.data.data_dir)
    try:
        match options.verb, options.names:
            case "prepare", []:
                _prepare(folders, options.security.broker_names)
            case "device", [name]:
                _device(folders, name, options)
            case "show", []:
                _show(folders)
    except (AccountsDamaged, AccountsError, CertificateError) as error:
        return complain("certificates", error)
    except OSError as error:
        return complain("certificates", of_file(error))
    return 0


def _prepare(folders: BrokerFolders, names: tuple[str, ...]) -> None:
    say = language_of_environment()
    first = prepare(folders, names, datetime.now(UTC))
    for_all = {"folder": folders.certificates, "ca": folders.ca_file.name}
    print(say("{folder}: the broker's certificate, and {ca} for its clients", **for_all))
    print(say("{file}: the token for the live map's login", file=make_monitor_token(folders.secrets)))
    secrets = folders.secrets.folder
    if first:
        print(say("{folder}: the first accounts' passwords, created now", folder=secrets))
    else:
        print(say("{folder}: the first accounts' passwords, as they were", folder=secrets))


def _device(folders: BrokerFolders, name: str, options: Options) -> None:
    check_device_name(name)
    now = datetime.now(UTC)
    signed = Authority(folders.authority, now).issue_device(name, now)
    AuditLog(options.data.audit_log).record("certificateIssued", now, account=name)
    if options.print:
        print((signed.key + signed.certificate).decode(), end="")
        return
    files = CertificateFiles.of(options.output_dir, name)
    files.write(signed)
    say = language_of_environment()
    pair = {"certificate": files.certificate_file, "key": files.key_file}
    print(say("{certificate} and {key}: a client that has the key is {name}", **pair, name=name))


def _show(folders: BrokerFolders) -> None:
    say = language_of_environment()
    for file in sorted((*folders.certificates.glob("*.crt"), *folders.authority.glob("*.crt"))):
        certificate = CertificateFiles.of(file.parent, file.stem).certificate()
        subject, end = certificate.subject.rfc4514_string(), say.day(certificate.not_valid_after_utc)
        print(say("{file}: {subject}, until {end}", file=file, subject=subject, end=end))
