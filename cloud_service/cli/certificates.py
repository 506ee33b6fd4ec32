"""Makes the certificates of a secured broker and of devices.

prepare          makes what a secured broker starts with and what is missing of it: a private authority, the
                 broker's certificate, and the first accounts; again, it renews what ends soon
device NAME      makes NAME.crt and NAME.key, with which a device is the account NAME: for mutual TLS
show             shows the certificates that there are, and when they end
"""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cloud_service.accounts.audit_log import AuditLog
from cloud_service.accounts.broker_accounts import AccountsError, check_device_name
from cloud_service.accounts.certificates import Authority, CertificateError, Pair
from cloud_service.accounts.folders import audit_file, broker_folders
from cloud_service.accounts.secure_broker import prepare

_NAMES: Final = {"prepare": 0, "device": 1, "show": 0}


def add_arguments(parser: ArgumentParser) -> None:
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.add_argument("verb", choices=_NAMES, metavar="VERB", help=", ".join(_NAMES))
    parser.add_argument("names", nargs="*", metavar="NAME", help="the account's name")
    parser.add_argument(
        "--output-dir",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="where a device's files go (default: here)",
    )
    parser.add_argument("--print", action="store_true", help="print a device's key and certificate instead")


def main(options: Namespace) -> int:
    if len(options.names) != _NAMES[options.verb]:
        return _fail(f"`{options.verb}` takes {_NAMES[options.verb]} names, not {len(options.names)}")
    try:
        match options.verb, options.names:
            case "prepare", []:
                _prepare(options)
            case "device", [name]:
                _device(options, name)
            case "show", []:
                _show(options)
    except (AccountsError, CertificateError) as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}")
    return 0


def _fail(reason: str) -> int:
    print(f"recharge certificates: {reason}", file=sys.stderr)
    return 1


def _prepare(options: Namespace) -> None:
    folders = broker_folders(options)
    first = prepare(folders, options.broker_names, datetime.now(UTC))
    print(f"{folders.certificates}: the broker's certificate, and {folders.ca_file.name} for its clients")
    print(
        f"{folders.secrets.folder}: the first accounts' passwords, {'made now' if first else 'as they were'}"
    )


def _device(options: Namespace, name: str) -> None:
    check_device_name(name)
    now = datetime.now(UTC)
    signed = Authority(broker_folders(options).authority, now).issue_device(name, now)
    AuditLog(audit_file(options)).record("certificateIssued", now, account=name)
    if options.print:
        print((signed.key + signed.certificate).decode(), end="")
        return
    files = Pair.of(options.output_dir, name)
    files.write(signed)
    print(f"{files.certificate_file} and {files.key_file}: whoever has the key is {name}")


def _show(options: Namespace) -> None:
    folders = broker_folders(options)
    for file in sorted((*folders.certificates.glob("*.crt"), *folders.authority.glob("*.crt"))):
        certificate = Pair.of(file.parent, file.stem).certificate()
        ends = certificate.not_valid_after_utc
        print(f"{file}: {certificate.subject.rfc4514_string()}, until {ends:%Y-%m-%d}")
