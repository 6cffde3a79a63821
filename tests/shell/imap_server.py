"""A dovecot of one's own on loopback: two mailboxes' worth of IMAP, with and without TLS. As root or not."""

import getpass
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from imap_tools import BaseMailBox, MailBoxUnencrypted

from nurture.engine.mailboxes import ImapFolder
from tests.faults import certificates
from tests.shell.daemon_world import free_port

DOVECOT = shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
NO_DOVECOT = "no dovecot here: apt-get install dovecot-imapd"
PASSWORD = "let-me-in"

_SETTINGS = """
base_dir = {run}/base
state_dir = {run}/state
log_path = {run}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{run}/good.pem
ssl_key = <{run}/good.key
disable_plaintext_auth = no
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
first_valid_uid = 1
mail_location = maildir:{run}/mail/%u
mail_fsync = never
auth_failure_delay = 0
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={mail_user} gid={mail_group} home={run}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {tls}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""


class Dovecot:
    """A server that runs. Every user name is a mailbox of its own, all with one password."""

    def __init__(self, folder: Path, plain: int, tls: int) -> None:
        self.folder, self.plain, self.tls = folder, plain, tls

    def place(
        self, user: str, security: Literal["tls", "starttls", "none"] = "tls", done: str = "", **more: str
    ) -> ImapFolder:
        port = self.tls if security == "tls" else self.plain
        password = more.get("password", PASSWORD)
        return ImapFolder(
            "127.0.0.1", port, security, user, password, more.get("folder", "INBOX"), done,
            self.folder / "authority.pem",
        )  # fmt: skip

    @contextmanager
    def looking(self, user: str, folder: str = "INBOX") -> Iterator[BaseMailBox]:
        box = MailBoxUnencrypted("127.0.0.1", self.plain)
        try:
            yield box.login(user, PASSWORD, folder)
        finally:
            box.client.logout()

    def add(self, user: str, *raws: bytes) -> None:
        with self.looking(user) as box:
            for raw in raws:
                box.append(raw)


@contextmanager
def dovecot() -> Iterator[Dovecot]:
    """Start one; skip where there is none."""
    if DOVECOT is None:
        pytest.skip(NO_DOVECOT)
    run = Path(tempfile.mkdtemp(prefix="nurture-imap-", dir="/tmp"))  # a socket's path must be short
    certificates.make(run)
    owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    (run / "mail").mkdir()
    for path in (run, run / "mail"):
        os.chown(path, owner.pw_uid, owner.pw_gid)
    me = getpass.getuser() if os.geteuid() else "nobody"
    group = subprocess.run(["id", "-gn", me], capture_output=True, text=True, check=True).stdout.strip()
    plain, tls = free_port(), free_port()
    settings = _SETTINGS.format(
        run=run, user=me, group=group, mail_user=owner.pw_uid, mail_group=owner.pw_gid, plain=plain, tls=tls,
        password=PASSWORD,
    )  # fmt: skip
    (run / "dovecot.conf").write_text(settings)
    server = subprocess.Popen([DOVECOT, "-F", "-c", run / "dovecot.conf"])
    try:
        _wait(server, run, plain)
        yield Dovecot(run, plain, tls)
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(run)


def _wait(server: subprocess.Popen[bytes], run: Path, port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            MailBoxUnencrypted("127.0.0.1", port).client.logout()
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                log = run / "log"
                raise RuntimeError(
                    f"dovecot did not start: {log.read_text() if log.exists() else ''}"
                ) from None
            time.sleep(0.05)
        else:
            return
