"""Users of the user pool and their tokens, good ones and bad ones."""

import base64
import json
import time
import uuid
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from fluxo_local import users
from fluxo_local.profile import Profile

PASSWORD = f"Aa1-{uuid.uuid4()}"
HOUR_S = 3600


class Users:
    """The deployed user pool, and others that have no business here."""

    def __init__(self, profile: Profile, cognito: Any) -> None:
        self._profile = profile
        self._cognito = cognito

    def id_token(self, merchant: str, role: str = "clerk") -> str:
        """What `make token` prints."""
        return users.id_token(self._profile, merchant, role)

    def tokens(self, merchant: str | None, groups: list[str]) -> dict[str, str]:
        """All tokens of a new user of the pool."""
        return self._sign_up(self._pool, self._client, merchant, groups)

    def id_token_for_another_client(self, merchant: str) -> str:
        """Good in every respect, but issued to another application that uses the same pool."""
        return self._sign_up(self._pool, self._create_client(self._pool), merchant, ["clerk"])["IdToken"]

    def id_token_of_another_pool(self, merchant: str) -> str:
        """Good in every respect, but of a pool that anyone may have made, with a merchant of their choice."""
        attribute = {"Name": "merchant_id", "AttributeDataType": "String", "Mutable": True}
        pool = self._cognito.create_user_pool(PoolName="foreign", Schema=[attribute])["UserPool"]["Id"]
        self._cognito.create_group(UserPoolId=pool, GroupName="clerk")
        return self._sign_up(pool, self._create_client(pool), merchant, ["clerk"])["IdToken"]

    def sign(self, token: str, **claims: object) -> str:
        """The token with these claims changed and the pool's own signature, made with the key that the local engine keeps."""
        keys = self._profile.directory / "engine" / "state" / "cognito-pool-keys"
        return sign(token, (keys / f"{self._pool}-id.pem").read_bytes(), claims)

    def _sign_up(self, pool: str, client: str, merchant: str | None, groups: list[str]) -> dict[str, str]:
        user = f"user-{uuid.uuid4()}"
        attributes = [{"Name": "custom:merchant_id", "Value": merchant}] if merchant else []
        self._cognito.admin_create_user(
            UserPoolId=pool, Username=user, UserAttributes=attributes, MessageAction="SUPPRESS", TemporaryPassword=f"{PASSWORD}-once"
        )
        self._cognito.admin_set_user_password(UserPoolId=pool, Username=user, Password=PASSWORD, Permanent=True)
        for group in groups:
            self._cognito.admin_add_user_to_group(UserPoolId=pool, Username=user, GroupName=group)
        signed_in = self._cognito.initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH", ClientId=client, AuthParameters={"USERNAME": user, "PASSWORD": PASSWORD}
        )
        return signed_in["AuthenticationResult"]

    def _create_client(self, pool: str) -> str:
        client = self._cognito.create_user_pool_client(
            UserPoolId=pool, ClientName=f"other-{uuid.uuid4()}", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
        )
        return client["UserPoolClient"]["ClientId"]

    @property
    def _pool(self) -> str:
        return self._profile.stack()["user_pool_id"]

    @property
    def _client(self) -> str:
        return self._profile.stack()["user_pool_client_id"]


def expired() -> dict[str, int]:
    """Claims of a token whose hour is over."""
    now = int(time.time())
    return {"iat": now - 2 * HOUR_S, "auth_time": now - 2 * HOUR_S, "exp": now - HOUR_S}


def tampered(token: str, **claims: object) -> str:
    """The token with these claims changed and the signature left as it was."""
    header, payload, signature = token.split(".")
    return f"{header}.{encode(decode(payload) | claims)}.{signature}"


def unsigned(token: str) -> str:
    """The token as one that says of itself that it needs no signature."""
    return f"{encode({'alg': 'none', 'typ': 'JWT'})}.{token.split('.')[1]}."


def signed_by_a_stranger(token: str) -> str:
    """The same header, key id and claims, signed with a key that is not the pool's."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    format_ = serialization.PrivateFormat.PKCS8
    return sign(token, key.private_bytes(serialization.Encoding.PEM, format_, serialization.NoEncryption()), {})


def sign(token: str, key_pem: bytes, claims: dict[str, object]) -> str:
    """The token with these claims changed, signed with that key."""
    header, payload, _ = token.split(".")
    signed = f"{header}.{encode(decode(payload) | claims)}"
    key = serialization.load_pem_private_key(key_pem, password=None)
    return f"{signed}.{unpadded(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def encode(part: dict[str, Any]) -> str:
    """A part of a token."""
    return unpadded(json.dumps(part).encode())


def decode(part: str) -> dict[str, Any]:
    """What a part of a token says."""
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def unpadded(data: bytes) -> str:
    """Base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
