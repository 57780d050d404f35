"""The terms of a sale that its contract type decides: rate card, months, and what they keep and draw ahead.

Source: product.md section 4.
"""

from engine.contracts import Borrow, CarryOver, ContractType
from engine.rulebook import STANDARD_CARD
from workflows.commands.contracts import NewContract
from workflows.core.errors import invalid
from workflows.core.transaction import Transaction
from workflows.languages.shipped_rules import rule_file_text
from workflows.languages.texts import gettext


def type_in_force(tx: Transaction, key: str) -> ContractType:
    """The contract type of the rules in force. Raises: InvalidInput, NoRuleSet."""
    terms = tx.rules.contract_types.get(key)
    if terms is None:
        known = ", ".join(sorted(tx.rules.contract_types))
        raise invalid(
            "/type",
            gettext("There is no contract type %(key)s.", key=repr(key)),
            gettext("Use one of %(known)s.", known=known),
        )
    return terms


def usual_months(tx: Transaction, terms: ContractType) -> int | None:
    """How many months a contract of a type runs that is sold without an end; None if it has none then.

    The type's own default comes before that of the settings.
    """
    period = terms.limits.get("period", "none")
    if period == "none":
        return None
    months = terms.defaults.duration_months
    return months or tx.settings.default_contract_months if period == "required" else months


def of_type(terms: ContractType) -> str:
    """The subject of a sentence about all contracts of a type, whatever its label is."""
    return gettext("Contracts of the type “%(label)s”", label=rule_file_text(terms.label))


def chosen_rate_card(tx: Transaction, name: str | None, terms: ContractType) -> str | None:
    """The name of a rate card in the desk's currency; one with rates, if the type draws money.

    Raises: InvalidInput.
    """
    if terms.draws == "money":
        _require_rates(tx, name or STANDARD_CARD, terms)
    if name is None:
        return None
    card = tx.rules.rate_cards.get(name)
    if card is None:
        known = ", ".join(sorted(tx.rules.rate_cards)) or gettext("none")
        raise invalid(
            "/rate_card",
            gettext("There is no rate card %(name)s.", name=repr(name)),
            gettext("Known: %(known)s.", known=known),
        )
    if card.currency != tx.settings.currency:
        raise invalid(
            "/rate_card",
            gettext(
                "The rate card %(name)s is in %(currency)s, and the desk's currency is %(currency2)s.",
                name=repr(name),
                currency=card.currency,
                currency2=tx.settings.currency,
            ),
            gettext("Name a card in %(currency)s.", currency=tx.settings.currency),
        )
    return name


def monthly_minutes_of(command: NewContract, terms: ContractType) -> int | None:
    """The minutes of each month for a type that is sold by the month, unless grants are given one by one."""
    if terms.allocation != "monthly" or command.grants:
        return None
    minutes = command.minutes or terms.defaults.minutes
    if minutes is None:
        raise invalid(
            "/minutes",
            gettext("%(type)s need the minutes of each month.", type=of_type(terms)),
            gettext("Give minutes."),
        )
    return minutes


def month_terms(
    command: NewContract, terms: ContractType, monthly_minutes: int | None, *, is_renewal: bool
) -> tuple[CarryOver | None, Borrow | None]:
    """What the months keep and draw ahead: as given, else as the type has it; a renewal has what was given.

    Raises: InvalidInput where the contract has no months.
    """
    given = command.given() if not is_renewal else {"carry_over": None, "borrow": None}
    carry_over = CarryOver(**command.carry_over.model_dump()) if command.carry_over is not None else None
    borrow = Borrow(**command.borrow.model_dump()) if command.borrow is not None else None
    if monthly_minutes is not None:
        return (
            carry_over if "carry_over" in given else carry_over or terms.carry_over,
            borrow if "borrow" in given else borrow or terms.borrow,
        )
    for field, rule in (("carry_over", carry_over), ("borrow", borrow)):
        if rule is not None:
            raise invalid(
                f"/{field}",
                gettext("This contract is not granted its minutes by the month."),
                gettext("Leave it out, or sell a contract with minutes of each month."),
            )
    return None, None


def _require_rates(tx: Transaction, name: str, terms: ContractType) -> None:
    """Check that work has a price where it is paid from money. Raises: InvalidInput."""
    card = tx.rules.rate_cards.get(name)
    if card is not None and not card.rules:
        raise invalid(
            "/rate_card",
            gettext(
                "%(type)s pay for work by its hourly rate, and the rate card %(name)s has no rates.",
                type=of_type(terms),
                name=repr(name),
            ),
            gettext("Name another card, or publish rates for this one."),
        )
    if card is None and name == STANDARD_CARD:
        raise invalid(
            "/rate_card",
            gettext(
                "%(type)s pay for work by its hourly rate, and there is no rate card %(name)s.",
                type=of_type(terms),
                name=repr(name),
            ),
            gettext("Name a card, or add rules/rate_cards/%(name)s.json.", name=name),
        )
