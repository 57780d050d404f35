"""Balance bars: the share of each part, and a text alternative."""

from dataclasses import dataclass
from typing import Protocol

from engine.contracts import Unit
from web.pages.wording.formats import amount_text

LABELS = {
    "drawn": "Drawn",
    "held": "Held",
    "available": "Available",
    "expired": "Expired",
    "later": "Not yet valid",
}
INCIDENT_LABELS = LABELS | {"drawn": "Used"}


class Balance(Protocol):
    """Minutes, incidents or money of a contract."""

    @property
    def purchased(self) -> int: ...
    @property
    def drawn(self) -> int: ...
    @property
    def held(self) -> int: ...
    @property
    def available(self) -> int: ...
    @property
    def expired(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a bar; `start` and `width` are percentages with two decimals, as text for SVG."""

    kind: str
    label: str
    text: str
    start: str
    width: str


@dataclass(frozen=True, slots=True)
class BalanceFigure:
    """A balance bar: `summary` describes it as text, `legend` lists every part, including empty ones."""

    summary: str
    parts: list[Part]
    legend: list[Part]


def balance_figure(
    balance: Balance, unit: Unit, until: str = "", *, currency: str | None = None
) -> BalanceFigure:
    """The bar of one balance: drawn, held, available, expired and not yet valid.

    `currency` is that of a balance of money.
    """
    labels = INCIDENT_LABELS if unit == "incidents" else LABELS
    amounts = {kind: getattr(balance, kind) for kind in ("drawn", "held", "available", "expired")}
    whole = max(balance.purchased, sum(amounts.values()))
    later = whole - sum(amounts.values())
    if later:
        amounts["later"] = later
    parts, start = [], 0
    for kind, amount in amounts.items():
        width = amount * 10_000 // whole if whole else 0
        parts.append(
            Part(
                kind,
                labels[kind],
                amount_text(amount, unit, currency),
                _percent(start),
                _percent(width),
            )
        )
        start += width
    shown = [part for part in parts if amounts[part.kind] > 0 and part.kind != "later"]
    return BalanceFigure(
        _summary(balance, unit, until, currency), shown, [p for p in parts if p.kind != "later" or later]
    )


def _summary(balance: Balance, unit: Unit, until: str, currency: str | None) -> str:
    left = amount_text(balance.available, unit, currency)
    what = ""
    if unit == "incidents":
        what = " incident" if balance.purchased == 1 else " incidents"
    text = f"{left} of {amount_text(balance.purchased, unit, currency)}{what} left"
    if balance.held:
        text += f" ({amount_text(balance.held, unit, currency)} held)"
    return f"{text}, {until}" if until else text


def _percent(hundredths: int) -> str:
    whole, part = divmod(hundredths, 100)
    return f"{whole}.{part:02d}"
