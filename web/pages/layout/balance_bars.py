"""Balance bars: the share of each part, and a text alternative."""

from dataclasses import dataclass
from typing import Protocol

from engine.contracts import Unit
from web.languages import Texts, gettext, mark, ngettext
from web.pages.wording.formats import amount_text

LABELS = Texts(
    {
        "drawn": mark("Drawn"),
        "held": mark("Held"),
        "available": mark("Available"),
        "expired": mark("Expired"),
        "later": mark("Not yet valid"),
    }
)
INCIDENTS_DRAWN = mark("Used")


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
                gettext(INCIDENTS_DRAWN) if unit == "incidents" and kind == "drawn" else LABELS[kind],
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
    whole = amount_text(balance.purchased, unit, currency)
    held = amount_text(balance.held, unit, currency) if balance.held else ""
    if unit == "incidents" and held:
        text = ngettext(
            "%(left)s of %(whole)s incident left (%(held)s held)",
            "%(left)s of %(whole)s incidents left (%(held)s held)",
            balance.purchased,
            left=left,
            whole=whole,
            held=held,
        )
    elif unit == "incidents":
        text = ngettext(
            "%(left)s of %(whole)s incident left",
            "%(left)s of %(whole)s incidents left",
            balance.purchased,
            left=left,
            whole=whole,
        )
    elif held:
        text = gettext("%(left)s of %(whole)s left (%(held)s held)", left=left, whole=whole, held=held)
    else:
        text = gettext("%(left)s of %(whole)s left", left=left, whole=whole)
    return f"{text}, {until}" if until else text


def _percent(hundredths: int) -> str:
    whole, part = divmod(hundredths, 100)
    return f"{whole}.{part:02d}"
