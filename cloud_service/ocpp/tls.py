"""TLS of the OCPP gateway: its own certificate, and the authority of the chargers' certificates."""

import ssl

from cloud_service.config.setting import SettingError
from cloud_service.language.text import Reason
from cloud_service.ocpp.settings import OcppSettings


def make_tls(settings: OcppSettings) -> ssl.SSLContext | None:
    """The context for chargers' connections; None without a certificate. Raises SettingError."""
    if settings.certificate_file is None:
        if settings.key_file is not None or settings.ca_file is not None:
            raise SettingError(
                "--ocpp-key-file and --ocpp-ca-file need --ocpp-certificate-file, which turns on TLS"
            )
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.certificate_file, settings.key_file)
        if settings.ca_file is not None:
            context.load_verify_locations(settings.ca_file)
            context.verify_mode = ssl.CERT_OPTIONAL
    except OSError as error:
        raise SettingError(
            "cannot use the certificate {file}, its key or the authority: {reason}",
            file=settings.certificate_file,
            reason=Reason(error),
        ) from None
    return context
