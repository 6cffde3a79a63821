"""Certificates for a server on loopback, made with the `openssl` command: one good, three that are not.

`openssl ca` is the one of its tools that can write a certificate that has expired already.
"""

import ssl
import subprocess
from pathlib import Path

KINDS = ("good", "expired", "self-signed", "wrong name")

_SETTINGS = """
[ca]
default_ca = authority
[authority]
database = index.txt
rand_serial = yes
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = nobody
[nobody]
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
subjectAltName = IP:127.0.0.1
authorityKeyIdentifier = keyid
[other]
subjectAltName = DNS:mail.other.example
authorityKeyIdentifier = keyid
"""
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def make(folder: Path) -> Path:
    """An authority and a server certificate of each kind in `folder`; the authority's own certificate."""
    (folder / "settings").write_text(_SETTINGS)
    (folder / "index.txt").touch()
    _openssl(folder, "req", "-x509", *_KEY, "-keyout", "authority.key", "-out", "authority.pem", "-days", "2",
             "-subj", "/CN=Authority of the tests", "-config", "settings", "-extensions", "root")  # fmt: skip
    for kind in KINDS:
        _server(folder, kind)
    return folder / "authority.pem"


def context(folder: Path, kind: str = "good") -> ssl.SSLContext:
    """What a server that shows the certificate of this kind works with."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(folder / f"{kind}.pem", folder / f"{kind}.key")
    return made


def _server(folder: Path, kind: str) -> None:
    _openssl(folder, "req", "-new", *_KEY, "-keyout", f"{kind}.key", "-out", f"{kind}.csr",
             "-subj", "/CN=inbox.test", "-config", "settings")  # fmt: skip
    signer = ("-selfsign", "-keyfile", f"{kind}.key") if kind == "self-signed" else (
        "-cert", "authority.pem", "-keyfile", "authority.key")  # fmt: skip
    until = ("-enddate", "20210101000000Z") if kind == "expired" else ("-days", "2")
    _openssl(folder, "ca", "-batch", "-notext", "-config", "settings", *signer, *until,
             "-startdate", "20200101000000Z", "-extensions", "other" if kind == "wrong name" else "server",
             "-in", f"{kind}.csr", "-out", f"{kind}.pem")  # fmt: skip


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
