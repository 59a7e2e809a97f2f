"""Public codes: what stands in addresses instead of database ids."""

import secrets


def new_code() -> str:
    """16 URL-safe letters, 96 random bits: unguessable and short."""
    return secrets.token_urlsafe(12)
