"""The envelopes of Amazon SNS: who signed them, when, and for which topic.

The certificate is fetched by the caller, from an address that only Amazon has, and is believed because of
the chain above it. Source: "Verifying the signatures of Amazon SNS messages" in the SNS developer guide.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from nurture.errors import Mistake
from nurture.intake.webhooks.seam import Endpoint, Refused, Request, WantsCertificate, is_plain
from nurture.intake.webhooks.strict import get, instant, json_of

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

FRESH = timedelta(hours=1)
AHEAD = timedelta(minutes=5)
"""How far Amazon's clock may be before ours."""

_HOST = r"https://sns\.[a-z0-9-]{3,}\.amazonaws\.com(\.cn)?"
_CERTIFICATE = re.compile(_HOST + r"/SimpleNotificationService-[a-f0-9]+\.pem", re.ASCII)
_SUBSCRIBE = re.compile(_HOST + r"/\?[A-Za-z0-9%&=._~:+-]*", re.ASCII)
_ISSUER = re.compile(r"http://[a-z0-9.-]+\.amazontrust\.com/[A-Za-z0-9._-]+\.(cer|crt)", re.ASCII)
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ),
}  # fmt: skip
_SIGNED["UnsubscribeConfirmation"] = _SIGNED["SubscriptionConfirmation"]
_MAY_LACK = ("Subject",)
MOST_CERTIFICATES = 5

Certificates = Mapping[str, "Certificate"]
"""Address -> a certificate whose chain was validated."""


class Envelope(NamedTuple):
    """A verified envelope."""

    type: str
    id: str
    topic: str
    at: datetime
    message: str
    subscribe_url: str
    raw: bytes


def open_envelope(
    request: Request, endpoint: Endpoint, certificates: Certificates
) -> Envelope | Refused | WantsCertificate:
    """The envelope, if it is fresh, of a topic that was named, and Amazon's."""
    if refused := is_plain(request, "text/plain", "application/json"):
        return refused
    said = json_of(request.body)
    if isinstance(said, Refused):
        return said
    text = _texts(said)
    if isinstance(text, Refused):
        return text
    if text["TopicArn"] not in endpoint.topics:
        return Refused(403, f"the topic {text['TopicArn'][:200]!r} is not among the topics of this endpoint")
    versions = ("1", "2") if endpoint.sha1 else ("2",)
    if text["SignatureVersion"] not in versions:
        return Refused(
            403,
            "SignatureVersion 2 is wanted: aws sns set-topic-attributes --attribute-name SignatureVersion",
        )
    url = text["SigningCertURL"]
    if not _CERTIFICATE.fullmatch(url):
        return Refused(403, "the certificate is not at an address of Amazon SNS")
    at = instant(text["Timestamp"])
    if at is None or not -AHEAD <= request.now - at <= FRESH:
        return Refused(403, "the Timestamp is more than an hour old, or no timestamp")
    if url not in certificates:
        return WantsCertificate(url)
    if not _is_signed(text, certificates[url]):
        return Refused(403, "the signature is not Amazon's")
    subscribe = text.get("SubscribeURL", "")
    return Envelope(
        text["Type"], text["MessageId"], text["TopicArn"], at, text["Message"], subscribe, request.body
    )


def may_be_visited(url: str) -> bool:
    """Whether this is an address of Amazon SNS that confirms a subscription."""
    return bool(_SUBSCRIBE.fullmatch(url)) and "Action=ConfirmSubscription" in url.partition("?")[2].split(
        "&"
    )


def asks_for(body: bytes) -> tuple[str, str]:
    """The address to visit and the topic, of a kept message of SNS; empty where there is none."""
    said = json_of(body)
    url, topic = get(said, "SubscribeURL"), get(said, "TopicArn")
    return (url, topic) if isinstance(url, str) and isinstance(topic, str) else ("", "")


def certificate(
    pem: bytes, roots: "list[Certificate]", now: datetime, issuers: list[bytes]
) -> "Certificate | str":
    """The first certificate of a file, if a chain leads from it to one of the roots; or what is missing.

    `issuers`: certificates (DER) that were fetched because the file lacks them. What is missing is either
    the address of the next one, or a sentence.
    """
    from cryptography import x509
    from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

    try:
        leaf, *between = x509.load_pem_x509_certificates(pem)[:MOST_CERTIFICATES]
        between += [x509.load_der_x509_certificate(one) for one in issuers]
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        name = next(iter(names.get_values_for_type(x509.DNSName)), "")
    except (ValueError, x509.ExtensionNotFound):
        return "what Amazon sent is no certificate"
    if not re.fullmatch(r"sns(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?", name):
        return "the certificate is not one of Amazon SNS"
    verifier = PolicyBuilder().store(Store(roots)).time(now).build_server_verifier(x509.DNSName(name))
    try:
        verifier.verify(leaf, between)
    except VerificationError:
        last = between[-1] if between else leaf
        return _issuer_of(last) or "no chain leads from the certificate to a root that is trusted here"
    return leaf


def _issuer_of(one: "Certificate") -> str:
    """Where the certificate above this one is kept, if that is a place of Amazon's."""
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    try:
        found = one.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (ValueError, x509.ExtensionNotFound):
        return ""
    places = [each.access_location.value for each in found
              if each.access_method == AuthorityInformationAccessOID.CA_ISSUERS]  # fmt: skip
    return next((place for place in places if isinstance(place, str) and _ISSUER.fullmatch(place)), "")


def _texts(said: object) -> dict[str, str] | Refused:
    """The texts of an envelope, exactly as they were signed."""
    kind = get(said, "Type")
    if not isinstance(kind, str) or kind not in _SIGNED or not isinstance(said, dict):
        return Refused(400, "no message of SNS")
    wanted = [name for name in _SIGNED[kind] if name in said or name not in _MAY_LACK]
    wanted += ["SignatureVersion", "Signature", "SigningCertURL"]
    found = {name: said[name] for name in wanted if isinstance(said.get(name), str)}
    missing = [name for name in wanted if name not in found]
    return Refused(400, f"a message of SNS without {missing[0]}") if missing else found


def _is_signed(text: dict[str, str], certificate: Any) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    key = certificate.public_key()
    names = [name for name in _SIGNED[text["Type"]] if name in text]
    canonical = "".join(f"{name}\n{text[name]}\n" for name in names)
    digest = hashes.SHA256() if text["SignatureVersion"] == "2" else hashes.SHA1()  # noqa: S303
    try:
        signature = b64decode(text["Signature"], validate=True)
        if not isinstance(key, RSAPublicKey):
            return False
        key.verify(signature, canonical.encode("utf-8"), PKCS1v15(), digest)
    except (InvalidSignature, ValueError):
        return False
    return True


def need_cryptography() -> None:
    """Raise Mistake where the library that verifies signatures is not installed."""
    try:
        import cryptography  # noqa: F401
    except ImportError:
        raise Mistake(
            "webhooks of Amazon SES and SendGrid need cryptography: pip install 'nurture[webhooks]'"
        ) from None
