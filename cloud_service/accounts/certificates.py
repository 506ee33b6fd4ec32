"""A private certificate authority, and the certificates of the broker and of devices, as PEM files.

`ca.crt` is public; `ca.key` stays with the operator of the network. `broker.crt` and `broker.key` belong to
the broker, `NAME.crt` and `NAME.key` to a device. Files from another authority are never replaced.
"""

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from cloud_service.accounts.secret_files import FOR_ALL, FOR_OWNER, write_file, write_files
from cloud_service.language.text import Reason, Text, TextError

AUTHORITY_LIFETIME: Final = timedelta(days=3650)
BROKER_LIFETIME: Final = timedelta(days=397)
DEVICE_LIFETIME: Final = timedelta(days=730)
RENEW_BEFORE: Final = timedelta(days=60)
"""A broker's certificate that expires sooner is renewed at the next start."""

_CLOCK_SKEW: Final = timedelta(hours=1)
"""Certificates are valid from this long before now, because devices' clocks are inexact."""


class CertificateError(TextError):
    """A certificate cannot be made or read. The text names the file and says what to do."""


class IssuedCertificate(Struct, frozen=True):
    """A certificate and its private key, as PEM."""

    certificate: bytes
    key: bytes


class CertificateFiles(Struct, frozen=True):
    """The files of a certificate and its private key."""

    certificate_file: Path
    key_file: Path

    @classmethod
    def of(cls, folder: Path, name: str) -> Self:
        return cls(folder / f"{name}.crt", folder / f"{name}.key")

    def exists(self) -> bool:
        return self.certificate_file.exists() and self.key_file.exists()

    def certificate(self) -> x509.Certificate:
        try:
            return x509.load_pem_x509_certificate(self.certificate_file.read_bytes())
        except (OSError, ValueError) as error:
            raise _unreadable(self.certificate_file, Text("a certificate"), error) from None

    def key(self) -> ec.EllipticCurvePrivateKey:
        try:
            key = serialization.load_pem_private_key(self.key_file.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise _unreadable(self.key_file, Text("a private key"), error) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise CertificateError(
                "{key_file} is not an elliptic-curve key: `recharge certificates` did not make it",
                key_file=self.key_file,
            )
        return key

    def check_pair(self) -> None:
        """Raises CertificateError if the certificate or the key cannot be read, or they are not a pair."""
        certificate = self.certificate()
        try:
            key = serialization.load_pem_private_key(self.key_file.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise _unreadable(self.key_file, Text("a private key"), error) from None
        if key.public_key() != certificate.public_key():
            raise CertificateError(
                "{key_file} is not the key of {certificate_file}: restore the right one, or move both away,"
                " and the next start creates new ones",
                key_file=self.key_file,
                certificate_file=self.certificate_file,
            )

    def write(self, issued: IssuedCertificate) -> None:
        self.certificate_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_files(
            (self.key_file, issued.key, FOR_OWNER), (self.certificate_file, issued.certificate, FOR_ALL)
        )


def _unreadable(file: Path, kind: Text, error: Exception) -> CertificateError:
    if isinstance(error, OSError):
        return CertificateError(
            "{file} cannot be read: {reason}; let this user read it, or restore it from a backup",
            file=file,
            reason=Reason(error),
        )
    return CertificateError(
        "{file} cannot be read as {kind}: restore it from a backup, or move {certificate} and {key} away, and"
        " new ones are created (if this is the authority, its clients need the new ca.crt)",
        file=file,
        kind=kind,
        certificate=file.with_suffix(".crt").name,
        key=file.with_suffix(".key").name,
    )


class Authority:
    """Signs certificates. It is created in its folder on first use."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self.files = CertificateFiles.of(folder, "ca")
        if not self.files.exists():
            if self.files.certificate_file.exists():
                raise CertificateError(
                    "{key_file} is missing, the key of {certificate_file}: restore it, or issue certificates"
                    " on the machine that has it",
                    key_file=self.files.key_file,
                    certificate_file=self.files.certificate_file,
                )
            self._make(now)
        self._certificate = self.files.certificate()
        self._key = self.files.key()

    def issue_broker(self, names: Sequence[str], now: datetime) -> IssuedCertificate:
        """A certificate for a broker that clients reach by these host names and addresses."""
        if not names:
            raise CertificateError("a broker's certificate needs a host name or address: set --broker-names")
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        return self._issue(names[0][:64], BROKER_LIFETIME, now, ExtendedKeyUsageOID.SERVER_AUTH, alternatives)

    def issue_device(self, account: str, now: datetime) -> IssuedCertificate:
        """A certificate with which a device logs in as this account."""
        return self._issue(account, DEVICE_LIFETIME, now, ExtendedKeyUsageOID.CLIENT_AUTH)

    def signed(self, certificate: x509.Certificate) -> bool:
        """Whether this authority signed the certificate."""
        try:
            certificate.verify_directly_issued_by(self._certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def _make(self, now: datetime) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(f"Recharging network {now:%Y-%m-%d %H:%M:%S}")
        certificate = (
            _unsigned(name, name, key, AUTHORITY_LIFETIME, now)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.files.write(_signed(certificate, key))

    def _issue(
        self,
        name: str,
        lifetime: timedelta,
        now: datetime,
        purpose: x509.ObjectIdentifier,
        *extensions: x509.ExtensionType,
    ) -> IssuedCertificate:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            _unsigned(_name(name), self._certificate.subject, key, lifetime, now)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(issuer, critical=False)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return _signed(builder.sign(self._key, hashes.SHA256()), key)


def prepare_broker(
    folder: Path, authority_folder: Path, names: Sequence[str], now: datetime
) -> CertificateFiles:
    """Creates or renews the broker's certificate in this folder, with `ca.crt` beside it.

    A certificate that another authority signed belongs to the operator and stays as it is.
    """
    files = CertificateFiles.of(folder, "broker")
    if files.exists():
        files.check_pair()
    if files.exists() and not (authority_folder / "ca.key").exists():
        return files
    authority = Authority(authority_folder, now)
    if files.exists():
        certificate = files.certificate()
        if not authority.signed(certificate) or not _is_due(certificate, names, now):
            return files
    files.write(authority.issue_broker(names, now))
    write_file(folder / "ca.crt", authority.files.certificate_file.read_bytes(), FOR_ALL)
    return files


def _is_due(certificate: x509.Certificate, names: Sequence[str], now: datetime) -> bool:
    """Whether the certificate expires soon or has other names."""
    alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    expires_soon = certificate.not_valid_after_utc - now < RENEW_BEFORE
    return expires_soon or list(alternatives) != [_general_name(name) for name in names]


def _unsigned(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, lifetime: timedelta, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _signed(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> IssuedCertificate:
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return IssuedCertificate(certificate.public_bytes(pem), private)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name)
    except ValueError:
        raise CertificateError("not a host name or address: {name!r}", name=name) from None
