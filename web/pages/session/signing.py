"""Signatures of session cookies, which machines verify whose clocks differ."""

from typing import Any

from itsdangerous import SignatureExpired, TimestampSigner

from workflows.core.clock import CLOCK_SKEW


class SkewTolerantSigner(TimestampSigner):
    """Accepts what a machine has signed whose clock is ahead by up to `CLOCK_SKEW`.

    itsdangerous 2.2 accepts nothing from the future: where two machines serve a desk, a clock that is a
    second ahead would end sessions. What is further ahead was signed before the system's clock was set back,
    and could be used for longer than it may: it is refused.
    """

    def unsign(
        self, signed_value: str | bytes, max_age: int | None = None, return_timestamp: bool = False
    ) -> Any:
        """The signed value. Raises: BadSignature; SignatureExpired if it is too old, or from the future."""
        value, signed_at = super().unsign(signed_value, return_timestamp=True)
        age = self.get_timestamp() - int(signed_at.timestamp())
        if max_age is not None and not -CLOCK_SKEW.total_seconds() <= age <= max_age:
            raise SignatureExpired(f"Signature age {age} seconds", payload=value, date_signed=signed_at)
        return (value, signed_at) if return_timestamp else value
