"""What systemd is told by a service of Type=notify: sd_notify(3), a datagram to the socket it names."""

import os
import socket
from contextlib import suppress


def notify(*lines: str) -> None:
    """Tell systemd, e.g. `READY=1`; nothing happens where nobody listens (NOTIFY_SOCKET is not set)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address.startswith("@"):  # an abstract socket: its name begins with NUL
        address = "\0" + address[1:]
    if address:
        with (
            suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as way,
        ):
            way.sendto("\n".join(lines).encode(), address)


def watchdog_seconds() -> float:
    """How often systemd wants to hear from this process, twice as often as it must be; 0: never."""
    meant_for_us = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    wanted = os.environ.get("WATCHDOG_USEC", "")
    return int(wanted) / 2_000_000 if meant_for_us and wanted.isdecimal() else 0.0
