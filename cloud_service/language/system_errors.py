"""The words for errors of the operating system, which Python has in English only."""

import errno
import socket
import ssl
from typing import Final

from cloud_service.language.text import Text

_REASONS: Final = {
    errno.ECONNREFUSED: Text("connection refused"),
    errno.ECONNRESET: Text("the connection was closed"),
    errno.EHOSTUNREACH: Text("the host cannot be reached"),
    errno.ENETUNREACH: Text("the network cannot be reached"),
    errno.EADDRINUSE: Text("the address is in use"),
    errno.EADDRNOTAVAIL: Text("the address is not one of this machine"),
    errno.ENOENT: Text("no such file"),
    errno.EEXIST: Text("it exists already"),
    errno.ENOTDIR: Text("not a folder"),
    errno.EISDIR: Text("it is a folder"),
    errno.ENOTEMPTY: Text("the folder is not empty"),
    errno.EACCES: Text("permission denied"),
    errno.EPERM: Text("permission denied"),
    errno.EROFS: Text("read-only file system"),
    errno.ENOSPC: Text("the disk is full"),
    errno.EDQUOT: Text("the disk is full"),
    errno.EIO: Text("the disk cannot be read or written"),
    errno.EFBIG: Text("the file is too large"),
    errno.EMFILE: Text("too many open files"),
    errno.ELOOP: Text("the links of the file lead back to themselves"),
    errno.EPIPE: Text("nobody reads it any more"),
    errno.EBADF: Text("it is closed"),
}


def reason_of(error: OSError) -> Text:
    """Why the system refused, without the file."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Text("the broker's certificate is not trusted")
    if isinstance(error, socket.gaierror):
        return Text("unknown host")
    if isinstance(error, TimeoutError):
        return Text("no answer in time")
    return _REASONS.get(error.errno or 0) or Text("system error {number}", number=error.errno or "?")


def describe_system_error(error: OSError) -> Text:
    """Why the system refused, with the file that it is about."""
    if error.filename is None:
        return reason_of(error)
    return Text("{reason}: {file}", reason=reason_of(error), file=repr(str(error.filename)))
