"""Random histories of contracts, sales and work beside those of documents and payments."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
)

from tests.support.billing_histories import DAY, NAMES, MoneyHistories, amounts, places
from workflows.billing.issuing.unused_part import cancel_and_credit, credit_unused_part
from workflows.billing.issuing.use_cases import issue_invoice
from workflows.billing.sold.recurring_sales import create_recurring_sale, end_recurring_sale
from workflows.billing.sold.sold_once import add_sold_once
from workflows.billing.sold.to_invoice import draft_sold
from workflows.commands.billing import (
    CreditUnusedPart,
    DraftSold,
)
from workflows.commands.contracts import (
    Adjust,
    AmendContract,
    CancelAndCredit,
    HolderGiven,
    NewContract,
    Renew,
    TopUp,
    TransferContract,
)
from workflows.commands.selling import EndRecurringSale, NewRecurringSale, NewSoldItem
from workflows.commands.service_requests import SearchCoverage
from workflows.commands.work import WorkGiven
from workflows.contracts.amending import amend_contract, transfer_contract
from workflows.contracts.use_cases import adjust, create_contract, renew, top_up
from workflows.service_requests.use_cases import search_or_assign
from workflows.work.use_cases import delete_work, log_work

TYPES: dict[str, dict[str, Any]] = {
    "subscription": {},
    "support_hours": {"minutes": 600},
    "prepaid_amount": {"money": {"amount_minor": 50_000}},
    "incident_pack": {"incidents": 3},
    "time_limited_subscription": {"minutes": 500},
    "support_hours_by_month": {"minutes": 120},
}

AMOUNTS: dict[str, dict[str, Any]] = {
    "minutes": {"minutes": 90},
    "money": {"money": {"amount_minor": 9_000}},
    "incidents": {"incidents": 1},
}


class BillingHistories(MoneyHistories):
    """Contracts of each type, recurring sales, parts and work past what contracts pay."""

    # ------------------------------------------------------------------ contracts

    @rule(
        kind=st.sampled_from([*TYPES]),
        party=places,
        price=amounts,
        days=st.sampled_from([None, 20, 60, 365]),
        starts=st.sampled_from([0, 0, -30, 15]),
        discount=st.sampled_from([None, None, "12.5"]),
        tops_up=st.sampled_from([None, None, "issue", "draft"]),
        draft=st.booleans(),
    )
    def sell(
        self,
        kind: str,
        party: int,
        price: int,
        days: Any,
        starts: int,
        discount: Any,
        tops_up: Any,
        draft: bool,
    ) -> None:
        holder_kind, holder = self.parties[party % 3]
        starts_on = self.today + starts * DAY
        body: dict[str, Any] = {
            "type": kind,
            "holder": {holder_kind: holder},
            "price": {"amount_minor": price},
            "starts_on": starts_on,
            **TYPES[kind],
        }
        if days:
            body["ends_on"] = starts_on + days * DAY
        if discount:
            body["discount_percent"] = discount
        if tops_up and kind == "support_hours":
            body["auto_top_up"] = {
                "mode": tops_up,
                "below": 60,
                "minutes": 120,
                "price": {"amount_minor": 5_000},
            }
        contract = self._try(create_contract, NewContract.model_validate(body))
        if contract:
            self.contracts.append(contract)
            if draft:
                self.draft_sold(party, True)

    @rule(party=places, issue=st.booleans())
    def draft_sold(self, party: int, issue: bool) -> None:
        kind, party_id = self.parties[party % 3]
        draft = self._finance(draft_sold, DraftSold.model_validate({kind: party_id}))
        if draft and issue:
            self._finance(issue_invoice, draft)

    @precondition(lambda self: bool(getattr(self, "contracts", None)))
    @rule(place=places, price=amounts)
    def top_up(self, place: int, price: int) -> None:
        contract = self._contract(place)
        given = AMOUNTS.get(self.sample.contract(contract).draws, AMOUNTS["minutes"])
        self._try(top_up, contract, TopUp.model_validate({**given, "price": {"amount_minor": price}}))

    @precondition(lambda self: bool(getattr(self, "contracts", None)))
    @rule(place=places, minutes=st.sampled_from([-300, -30, 30]))
    def adjust(self, place: int, minutes: int) -> None:
        self._try(adjust, self._contract(place), Adjust(minutes=minutes, reason="Agreed"))

    @precondition(lambda self: bool(getattr(self, "contracts", None)))
    @rule(place=places, uplift=st.sampled_from([None, {"percent": "3.5"}, {"amount": {"amount_minor": 100}}]))
    def renew(self, place: int, uplift: Any) -> None:
        body = {"uplift": uplift} if uplift else {}
        contract = self._try(renew, self._contract(place), Renew.model_validate(body))
        if contract:
            self.contracts.append(contract)

    @precondition(lambda self: bool(getattr(self, "contracts", None)))
    @rule(place=places, credits=st.booleans(), days=st.sampled_from([0, 0, -3, 12]))
    def cancel(self, place: int, credits: bool, days: int) -> None:
        body: dict[str, Any] = {"reason": "Agreed", "credit_unused": credits}
        if days:
            body["effective_at"] = self.now + days * DAY
        self._finance(cancel_and_credit, self._contract(place), CancelAndCredit.model_validate(body))

    @precondition(lambda self: bool(getattr(self, "contracts", None)))
    @rule(place=places)
    def credit_unused(self, place: int) -> None:
        self._finance(credit_unused_part, self._contract(place), CreditUnusedPart(reason="Agreed"))

    @precondition(lambda self: bool(getattr(self, "contracts", None)))
    @rule(place=places, party=places)
    def transfer(self, place: int, party: int) -> None:
        kind, holder = self.parties[party % 3]
        command = TransferContract(holder=HolderGiven(**{kind: holder}), reason="Moved")
        self._try(transfer_contract, self._contract(place), command)

    @precondition(lambda self: bool(getattr(self, "contracts", None)))
    @rule(place=places, days=st.sampled_from([5, 40, 200]), price=st.none() | amounts)
    def amend(self, place: int, days: int, price: int | None) -> None:
        body: dict[str, Any] = {"ends_on": self.today + days * DAY, "reason": "Agreed"}
        if price is not None:
            body["price"] = {"amount_minor": price}
        self._try(amend_contract, self._contract(place), AmendContract.model_validate(body))

    @rule(
        party=places,
        price=amounts,
        every=st.sampled_from(["month", "quarter"]),
        timing=st.sampled_from(["advance", "arrears"]),
        with_contract=st.booleans(),
    )
    def agree_on_recurring_sale(
        self, party: int, price: int, every: str, timing: str, with_contract: bool
    ) -> None:
        kind, party_id = self.parties[party % 3]
        of = {"contract": self._contract(party)} if with_contract and self.contracts else {kind: party_id}
        body = {
            **of,
            "description": "Hosting",
            "unit_price": {"amount_minor": price},
            "every": every,
            "timing": timing,
        }
        sale = self._try(create_recurring_sale, NewRecurringSale.model_validate(body))
        if sale:
            self.sales.append(sale)

    @precondition(lambda self: bool(getattr(self, "sales", None)))
    @rule(place=places)
    def end_recurring_sale(self, place: int) -> None:
        sale = self.sales[place % len(self.sales)]
        self._try(end_recurring_sale, sale, EndRecurringSale(last_on=self.today))

    # ------------------------------------------------------------------ work

    @rule(minutes=st.integers(1, 400), request=places, days=st.sampled_from([0, 0, 0, 2, 35]))
    def work(self, minutes: int, request: int, days: int) -> None:
        if not self.requests or request % 4 == 0:
            found = self._guarded(lambda: self.sample.try_log(f"Request {len(self.requests)}"))
            if found is None or found.service_request is None:
                return
            self.requests.append(found.service_request)
        one = self.requests[request % len(self.requests)]
        self._try(search_or_assign, one, SearchCoverage())
        entry = self._try(log_work, one, WorkGiven(minutes=minutes, worked_at=self.now - days * DAY))
        if entry:
            self.entries.append(entry)

    @precondition(lambda self: bool(getattr(self, "entries", None)))
    @rule(place=places)
    def delete_work(self, place: int) -> None:
        entry = self.entries.pop(place % len(self.entries))
        self._guarded(lambda: self.sample.do(lambda tx: delete_work(tx, entry, reason="Wrong")))

    @precondition(lambda self: bool(getattr(self, "requests", None)))
    @rule(place=places, price=amounts, rate=st.sampled_from(NAMES))
    def sell_part(self, place: int, price: int, rate: str) -> None:
        body = {"description": "A part", "unit_price": {"amount_minor": price}, "tax_rate": rate}
        self._try(add_sold_once, self.requests[place % len(self.requests)], NewSoldItem.model_validate(body))

    # ------------------------------------------------------------------ helpers

    def _contract(self, place: int) -> str:
        return self.contracts[place % len(self.contracts)]
