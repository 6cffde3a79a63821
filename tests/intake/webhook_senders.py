"""What stands for the providers in tests: they sign as the real ones do, with keys of our own."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from nurture.intake.webhooks import Endpoint, Request, certificate

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECRET = "s3cret-in-the-path-0123456789abcdefghijklmnop"
BASIC = "username:password"
TOPIC = "arn:aws:sns:us-east-1:1234567890:SES_Events"
CERTIFICATE = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-12345abcde.pem"
MAILGUN_KEY = "key-of-the-tests"
SIGNED = {
    "Notification": ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
    "SubscriptionConfirmation": [
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ],
}  # fmt: skip
SIGNED["UnsubscribeConfirmation"] = SIGNED["SubscriptionConfirmation"]


@cache
def rsa_key(name):
    return rsa.generate_private_key(65537, 2048)


@cache
def ec_key(name="sendgrid"):
    return ec.generate_private_key(ec.SECP256R1())


@cache
def authority(name="root", above=None):
    """A certificate that signs others, by itself or by the authority `above`."""
    issuer = authority(above) if above else None
    return _certificate(name, rsa_key(name), issuer, rsa_key(above or name), ca=True)


@cache
def amazon_certificate(host="sns.amazonaws.com", above="between", key="amazon", expired=False, at=None):
    """A certificate for `host`; `at`: where the one above it is kept."""
    issuer = authority("between", "root") if above == "between" else authority(above)
    return _certificate(host, rsa_key(key), issuer, rsa_key(above), expired=expired, at=at)


def _certificate(name, key, issuer, signing, ca=False, expired=False, at=None):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins = NOW - timedelta(days=6000)
    ends = NOW - timedelta(days=1) if expired else NOW + timedelta(days=3000)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )
    uses = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
         "decipher_only"), False,
    )  # fmt: skip
    built = built.add_extension(
        x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, **uses), critical=True
    )
    if not ca:
        built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
        built = built.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
    if at:
        place = x509.UniformResourceIdentifier(at)
        above = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)
        built = built.add_extension(x509.AuthorityInformationAccess([above]), False)
    return built.sign(signing, hashes.SHA256())


def pem(*certificates):
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


@cache
def certificates():
    """What the endpoint of SES knows: Amazon's certificate, its chain validated."""
    found = certificate(pem(amazon_certificate(), authority("between", "root")), [authority()], NOW, [])
    assert not isinstance(found, str), found
    return {CERTIFICATE: found}


def sns(said, key="amazon", **changes):
    """The body of an SNS message, signed. `changes` are made afterwards."""
    said = {
        "SignatureVersion": "2", "SigningCertURL": CERTIFICATE, "TopicArn": TOPIC,
        "Timestamp": NOW.strftime("%Y-%m-%dT%H:%M:%S.000Z"), "MessageId": "m-1", "Type": "Notification",
        **said,
    }  # fmt: skip
    text = "".join(f"{name}\n{said[name]}\n" for name in SIGNED.get(said["Type"], ()) if name in said)
    hash = hashes.SHA256() if said["SignatureVersion"] == "2" else hashes.SHA1()
    signature = rsa_key(key).sign(text.encode("utf-8", "surrogatepass"), padding.PKCS1v15(), hash)
    said["Signature"] = base64.b64encode(signature).decode()
    return json.dumps({**said, **changes}).encode()


def ses(message, **more):
    """What SES says, in a signed message of SNS."""
    return sns({"Message": message if isinstance(message, str) else json.dumps(message), **more})


def sendgrid_headers(body, at=NOW, key="sendgrid"):
    stamp = str(int(at.timestamp()))
    signature = ec_key(key).sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return {
        "x-twilio-email-event-webhook-timestamp": stamp,
        "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
    }


def sendgrid_public(key="sendgrid"):
    raw = ec_key(key).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(raw).decode()


def mailgun_signature(token="t" * 50, at=NOW, key=MAILGUN_KEY):
    stamp = str(int(at.timestamp()))
    made = hmac.digest(key.encode(), f"{stamp}{token}".encode(), "sha256").hex()
    return {"timestamp": stamp, "token": token, "signature": made}


def basic(pair=BASIC):
    return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def endpoint(provider, **changes):
    """An endpoint as the settings make it."""
    usual = {
        "name": provider,
        "provider": provider,
        "secrets": (SECRET,),
        "basic": (BASIC,) if provider in ("postmark", "brevo") else (),
        "keys": {"mailgun": (MAILGUN_KEY,), "sendgrid": (sendgrid_public(),)}.get(provider, ()),
        "topics": (TOPIC,) if provider == "ses" else (),
    }
    return Endpoint(**(usual | changes))


def request(body, headers=None, type="application/json", now=NOW, secret=SECRET):
    return Request(body, {"content-type": type, **(headers or {})}, secret, now)
