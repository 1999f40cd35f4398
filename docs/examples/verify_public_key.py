"""The same with the public key: whoever verifies cannot sign. With cryptography from PyPI."""

import base64
import time
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOLERANCE_S = 5 * 60


def is_ours(public_key: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the owner of this key has signed it, and not long ago. Names of headers are in lower case."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    try:
        sent_at = int(headers["webhook-timestamp"])
        signed = f"{headers['webhook-id']}.{sent_at}.".encode() + body
        signatures = [base64.b64decode(text[4:]) for text in headers["webhook-signature"].split() if text.startswith("v1a,")]
    except (KeyError, ValueError):
        return False
    return abs(time.time() - sent_at) <= TOLERANCE_S and any(verifies(key, signature, signed) for signature in signatures)


def verifies(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    """Whether it is the key's signature of this."""
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True
