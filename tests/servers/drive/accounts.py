"""Accounts and their tokens: the studio's own, and service accounts with key files."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.servers.drive.errors import OAuthError, unauthenticated
from tests.servers.drive.storage import Storage, new_id, now_ms

OWNER = "owner@studio.example"
FOLDER = "application/vnd.google-apps.folder"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFETIME = 3599
_AUDIENCES = frozenset(
    {
        "https://oauth2.googleapis.com/token",
        "https://www.googleapis.com/oauth2/v4/token",
        "https://accounts.google.com/o/oauth2/token",
    }
)


@dataclass(frozen=True, slots=True)
class Account:
    """Who asks. `storage` is how many bytes it may own, `state` active, disabled or deleted."""

    email: str
    name: str
    project: str
    state: str
    storage: int
    root: str
    permission_id: str

    @property
    def is_service(self) -> bool:
        """Whether this is a program's account."""
        return self.email.endswith(".gserviceaccount.com")


class Accounts:
    """All accounts, their keys and tokens."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.lifetime = _LIFETIME
        if self.find(OWNER) is None:
            self.add(OWNER, "Studio Owner", storage=2 * 1024**4)

    def add(self, email: str, name: str, *, storage: int, project: str = "") -> Account:
        """Make an account, and its My Drive."""
        root = new_id(19)
        with self._storage.transaction():
            self._storage.insert(
                "accounts",
                {
                    "email": email,
                    "name": name,
                    "project": project,
                    "state": "active",
                    "storage": storage,
                    "root": root,
                    "permission_id": str(secrets.randbits(64)),
                },
            )
            now = now_ms()
            self._storage.insert(
                "files",
                {
                    "id": root,
                    "name": "My Drive",
                    "folded": "my drive",
                    "mime": FOLDER,
                    "owner": email,
                    "created": now,
                    "modified": now,
                    "changed": 0,
                    "trashed": 0,
                    "explicitly_trashed": 0,
                    "version": 1,
                    "properties": "{}",
                    "details": "{}",
                },
            )
        return self.account(email)

    def make_key(self, email: str, token_uri: str) -> dict[str, Any]:
        """Give an account a new key in place of its former one, and return the key file."""
        account = self.account(email)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        key_id = secrets.token_hex(20)
        self.change(email, public_key=public.decode(), key_id=key_id)
        return {
            "type": "service_account",
            "project_id": account.project,
            "private_key_id": key_id,
            "private_key": private.decode(),
            "client_email": email,
            "client_id": str(secrets.randbits(70)),
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": token_uri,
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "client_x509_cert_url": f"https://www.googleapis.com/robot/v1/metadata/x509/{email}",
            "universe_domain": "googleapis.com",
        }

    def change(self, email: str, **columns: Any) -> None:
        """Change an account: its state, its storage, its key."""
        for column, value in columns.items():
            self._storage.write(f"UPDATE accounts SET {column} = ? WHERE email = ?", value, email)

    def account(self, email: str) -> Account:
        """Return an account that exists."""
        found = self.find(email)
        if found is None:
            raise KeyError(email)
        return found

    def token(self, email: str, scope: str, seconds: float | None = None) -> str:
        """Return a new access token."""
        token = "ya29." + secrets.token_urlsafe(80)
        expires = time.time() + (self.lifetime if seconds is None else seconds)
        row = {"token": token, "email": email, "scope": scope, "expires": expires}
        self._storage.insert("tokens", row)
        return token

    def forget_tokens(self) -> None:
        """Make all tokens invalid, before their time."""
        self._storage.write("DELETE FROM tokens")

    def by_token(self, token: str) -> tuple[Account, str]:
        """Return whose token this is, and for what it is good."""
        row = self._storage.row("SELECT * FROM tokens WHERE token = ?", token)
        account = None if row is None else self.find(row["email"])
        if row is None or account is None or row["expires"] < time.time():
            raise unauthenticated()
        if account.state != "active":
            raise unauthenticated()
        return account, row["scope"]

    def grant(self, assertion: str, own_uri: str) -> dict[str, Any]:
        """Answer a service account that signed for itself, as Google's token endpoint does."""
        claims, header, signed, signature = _decoded(assertion)
        email = str(claims.get("iss"))
        row = self._storage.row("SELECT * FROM accounts WHERE email = ?", email)
        if row is None or row["state"] == "deleted":
            raise OAuthError("invalid_grant", "Invalid grant: account not found")
        if row["state"] == "disabled":
            raise OAuthError("disabled_client", "The OAuth client was disabled.", 401)
        _verify(row, header, signed, signature)
        _check_claims(claims, own_uri)
        if claims.get("sub", email) != email:
            message = (
                "Client is unauthorized to retrieve access tokens using this method, or client "
                "not authorized for any of the scopes requested."
            )
            raise OAuthError("unauthorized_client", message, 401)
        token = self.token(email, str(claims.get("scope", "")))
        return {"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"}

    def find(self, email: str) -> Account | None:
        """Return an account, or None."""
        row = self._storage.row(
            "SELECT email, name, project, state, storage, root, permission_id FROM accounts"
            " WHERE email = ?",
            email,
        )
        return None if row is None else Account(*row)


def _decoded(assertion: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Return a JWT's claims, its header, what was signed, and the signature."""
    try:
        head, body, tail = assertion.split(".")
        header, claims = json.loads(_unpadded(head)), json.loads(_unpadded(body))
        return claims, header, f"{head}.{body}".encode(), _unpadded(tail)
    except (ValueError, binascii.Error):
        raise OAuthError("invalid_grant", "Bad Request") from None


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _verify(row: Any, header: dict[str, Any], signed: bytes, signature: bytes) -> None:
    refused = OAuthError("invalid_grant", "Invalid JWT Signature.")
    if not row["public_key"] or header.get("kid", row["key_id"]) != row["key_id"]:
        raise refused
    key = serialization.load_pem_public_key(row["public_key"].encode())
    assert isinstance(key, rsa.RSAPublicKey)
    try:
        key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise refused from None


def _check_claims(claims: dict[str, Any], own_uri: str) -> None:
    issued, expires, now = float(claims.get("iat", 0)), float(claims.get("exp", 0)), time.time()
    if not (now - 3600 <= issued <= now + 300 and now < expires <= issued + 3600 + 5):
        message = (
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
            "timeframe. Check your iat and exp values in the JWT claim."
        )
        raise OAuthError("invalid_grant", message)
    if claims.get("aud") not in _AUDIENCES | {own_uri}:
        raise OAuthError("invalid_grant", "Invalid JWT: Failed audience check.")
    if not claims.get("scope"):
        raise OAuthError("invalid_scope", "Empty or missing scope not allowed.")
