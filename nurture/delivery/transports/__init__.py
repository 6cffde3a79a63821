"""The ways a message can leave. A new one is a file here, a line in TRANSPORTS, and the conformance tests."""

from collections.abc import Mapping

from nurture.delivery.transports.folder import FolderTransport
from nurture.delivery.transports.seam import Fence, Mail, Transport
from nurture.delivery.transports.smtp import Account, SmtpTransport, Timeouts

TRANSPORTS: Mapping[str, type[FolderTransport] | type[SmtpTransport]] = {
    "folder": FolderTransport,
    "smtp": SmtpTransport,
}
"""By the name a workspace's settings imply: [smtp] there, or not."""

__all__ = [
    "TRANSPORTS",
    "Account",
    "Fence",
    "FolderTransport",
    "Mail",
    "SmtpTransport",
    "Timeouts",
    "Transport",
]
