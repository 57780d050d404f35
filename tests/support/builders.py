"""A desk for a test: a real database, a clock that only moves when set, and a user of every staff role.

`do` runs a use case and commits it, `see` reads, both as the administrator; `do_as` and `see_as` take the
actor.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from engine.rulebook import version_of
from workflows.commands.register import NewCustomer, NewItem, NewOrgUnit, OwnerGiven
from workflows.core.actors import Actor, Role
from workflows.core.desk import Desk
from workflows.core.session_limits import SessionLimits
from workflows.core.transaction import Transaction
from workflows.register import create_customer, create_item, create_org_unit
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.proposals import submit_rule_set
from workflows.store import tables as t
from workflows.store.database import Database
from workflows.store.ids import new_id

T = TypeVar("T")
P = ParamSpec("P")

LASTING = SessionLimits(idle=timedelta(days=3650), longest=timedelta(days=3650))
"""Tests move the clock by years, and their browsers stay logged in."""
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RULES = Path(__file__).resolve().parents[2] / "rules"


class FixedClock:
    """A clock that moves only when `move` is called."""

    def __init__(self, at: datetime = MONDAY) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def move(self, **span: int) -> datetime:
        """Move forward, for example by `hours=2`; return the new time."""
        self.at += timedelta(**span)
        return self.at


class DeskFixture:
    """A desk, its clock, and shortcuts for filling it."""

    def __init__(self, database_url: str, *, sandbox: bool = False) -> None:
        self.clock = FixedClock()
        self.desk = Desk(
            Database(database_url, pool_size=5), self.clock, sandbox=sandbox, session_limits=LASTING
        )
        self.administrator = self.person("administrator")
        self.finance = self.person("finance")
        self.supervisor = self.person("supervisor")
        self.technician = self.person("technician")

    def close(self) -> None:
        self.desk.database.dispose()

    def person(self, role: Role, name: str | None = None, *, customer: str | None = None) -> Actor:
        """Create a user. The user of a customer takes the customer's id."""
        name = name or f"the {role}"
        person_id = new_id()
        with self.desk.write() as tx:
            tx.add(
                t.user_account,
                id=person_id,
                email=f"{person_id}@staff.example",
                name=name,
                role=role,
                customer_id=customer,
                created_at=tx.now,
            )
        return Actor(person_id, name, role, customer)

    def do(
        self,
        use_case: Callable[Concatenate[Transaction, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a use case as the administrator in a transaction of its own, and return its result."""
        return self.do_as(self.administrator, use_case, *args, **kwargs)

    def do_as(
        self,
        actor: Actor,
        use_case: Callable[Concatenate[Transaction, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a use case as `actor` with the latest settings and rules, as the interfaces do."""
        self.desk.refresh()
        result = self.desk.perform(actor, lambda tx: use_case(tx, *args, **kwargs))
        self.desk.refresh()
        return result

    def see(
        self,
        query: Callable[Concatenate[Transaction, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Read as the administrator."""
        return self.see_as(self.administrator, query, *args, **kwargs)

    def see_as(
        self,
        actor: Actor,
        query: Callable[Concatenate[Transaction, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Read as `actor`."""
        self.desk.refresh()
        with self.desk.read(actor) as tx:
            return query(tx, *args, **kwargs)

    # -------------------------------------------------------------- rules

    def publish_rules(self, **texts: str) -> str:
        """Put the shipped rules in force and return the version.

        Keyword arguments replace files: `coverage="..."`, `contract_types__subscription="..."`.
        """
        files = read_rules_folder(RULES)
        if not texts and version_of(files) == self.desk.config.version:
            return version_of(files)
        files |= {f"{name.replace('__', '/')}.json": text for name, text in texts.items()}
        return self.publish(files, "For a test")

    def publish(self, files: Mapping[str, str], note: str = "", *, based_on: str | None = None) -> str:
        """Submit a rule set that takes force at once, as the administrator; answers the version."""
        submitted = self.do(submit_rule_set, files, note, based_on=based_on)
        assert submitted.proposal is None, "publishing takes two"
        return submitted.version

    # -------------------------------------------------------------- the register

    def org_unit(self, code: str, *, parent: str | None = None, name: str | None = None) -> str:
        """Create an org unit and return its id."""
        return self.do(create_org_unit, NewOrgUnit(code=code, name=name or code.title(), parent=parent))

    def customer(self, name: str, *org_units: str) -> str:
        """Create a customer and return its id; the first org unit is its primary one."""
        email = f"{name.lower().replace(' ', '.')}@example.com"
        return self.do(create_customer, NewCustomer(email=email, name=name, org_units=list(org_units)))

    def item(
        self,
        number: str,
        *,
        customer: str | None = None,
        org_unit: str | None = None,
        item_type: str = "server",
    ) -> str:
        """Create an item and return its id; without a customer or an org unit it has no owner."""
        owner = OwnerGiven(customer=customer, org_unit=org_unit) if customer or org_unit else None
        command = NewItem(number=number, name=f"Item {number}", item_type=item_type, owner=owner)
        return self.do(create_item, command)

    def rows(self, table: Any, **where: Any) -> list[Any]:
        """Return the rows of a table with these values."""
        with self.desk.database.read() as connection:
            return list(connection.execute(table.select().filter_by(**where)).all())
