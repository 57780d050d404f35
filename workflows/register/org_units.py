"""Org units: a tree by parent. Its closure table `org_unit_line` gives all ancestors in one query."""

from typing import Any

from sqlalchemy import Row, Select, bindparam, delete, func, insert, literal, select, text

from workflows.commands.register import ChangeOrgUnit, NewOrgUnit
from workflows.core.actors import SUPERVISORS
from workflows.core.errors import Conflict, StateForbids
from workflows.core.paging import Sort, read_page
from workflows.core.search import found_by
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.register.records import (
    READERS,
    insert_unique,
    locked,
    one_row,
    own_org_units,
    require_record,
    update_versioned,
)
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared
from workflows.store.ids import new_id
from workflows.views import DEFAULT_LIMIT, Page
from workflows.views.register import OrgUnitView

unit, line = t.org_unit, t.org_unit_line
above = t.org_unit.alias("above")

ORDERS = {
    "code": Sort(unit.c.code),
    "name": Sort(func.lower(unit.c.name)),
    "created_at": Sort(unit.c.created_at),
}


class OrgUnitCycle(StateForbids):
    """An org unit would become its own ancestor."""

    code = "org-unit-cycle"


def create_org_unit(tx: Transaction, command: NewOrgUnit) -> str:
    """Add an org unit, below its parent if one is given; returns its id.

    Raises:
        NotAllowed: the actor is no administrator or supervisor.
        InvalidInput: the parent does not exist.
        Conflict: another org unit has this code.
    """
    tx.require(*SUPERVISORS)
    _lock_tree(tx)
    if command.parent is not None:
        require_record(tx, unit, command.parent, "/parent")
    org_unit_id = new_id()
    values = {
        "id": org_unit_id,
        "code": command.code,
        "name": command.name,
        "parent_id": command.parent,
        "created_at": tx.now,
    }
    insert_unique(tx, unit, values, _taken(command.code))
    tx.add(line, org_unit_id=org_unit_id, ancestor_id=org_unit_id, steps=0)
    _attach_branch(tx, org_unit_id, command.parent)
    tx.audit("org_unit", org_unit_id, "created", **command.model_dump(exclude_none=True))
    return org_unit_id


def change_org_unit(
    tx: Transaction, org_unit_id: str, command: ChangeOrgUnit, expected_version: int | None = None
) -> None:
    """Change the fields that were given; with another parent, the whole branch moves.

    Raises:
        NotAllowed: the actor is no administrator or supervisor.
        NotFound: there is no such org unit.
        VersionChanged: the record does not have the expected version.
        InvalidInput: the parent does not exist.
        OrgUnitCycle: the new parent is the org unit itself or below it.
        Conflict: another org unit has this code.
    """
    tx.require(*SUPERVISORS)
    given = command.given()
    if "parent" in given:
        _lock_tree(tx)
        given["parent_id"] = given.pop("parent")
    row = locked(tx, unit, org_unit_id, expected_version)
    moves = "parent_id" in given and given["parent_id"] != row.parent_id
    if moves and given["parent_id"] is not None:
        require_record(tx, unit, given["parent_id"], "/parent")
        _refuse_cycle(tx, row, given["parent_id"])
    changed = update_versioned(tx, unit, row, given, _taken(command.code))
    if moves:
        _detach_branch(tx, org_unit_id)
        _attach_branch(tx, org_unit_id, given["parent_id"])
    if changed:
        tx.audit("org_unit", org_unit_id, "changed", **changed)


def get_org_unit(tx: Transaction, org_unit_id: str) -> OrgUnitView:
    """One org unit. Raises: NotFound, also for a customer who does not belong to it or below it."""
    return _view(one_row(tx, _visible(tx).where(unit.c.id == org_unit_id), unit))


def list_org_units(
    tx: Transaction,
    *,
    q: str | None = None,
    code: str | None = None,
    parent: str | None = None,
    within: str | None = None,
    order: str = "code",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[OrgUnitView]:
    """A page of org units; `q` searches codes and names, `parent` lists children, `within` a whole branch."""
    statement = _visible(tx)
    if q is not None:
        statement = statement.where(found_by(tx, unit, q))
    if code is not None:
        statement = statement.where(unit.c.code == code)
    if parent is not None:
        statement = statement.where(unit.c.parent_id == parent)
    if within is not None:
        branch = select(line.c.org_unit_id).where(line.c.ancestor_id == within)
        statement = statement.where(unit.c.id.in_(branch))
    return read_page(
        tx,
        statement,
        _view,
        orders=ORDERS,
        by_id=unit.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )


def _visible(tx: Transaction) -> Select[Any]:
    tx.require(*READERS)
    statement = select(unit, above.c.name.label("parent_name")).outerjoin(
        above, above.c.id == unit.c.parent_id
    )
    if tx.actor.is_staff:
        return statement
    return statement.where(unit.c.id.in_(own_org_units(tx.actor.customer)))


def _view(row: Row[Any]) -> OrgUnitView:
    return OrgUnitView(
        id=row.id,
        code=row.code,
        name=row.name,
        parent=row.parent_id,
        parent_name=row.parent_name,
        created_at=row.created_at,
        version=row.version,
    )


def _taken(code: str) -> Conflict:
    return Conflict(
        gettext("There is another org unit with the code %(code)s.", code=repr(code)), pointer="/code"
    )


def _lock_tree(tx: Transaction) -> None:
    """Allow one change of the tree at a time: two concurrent moves could create a cycle that neither sees."""
    if not tx.is_sqlite:
        tx.connection.execute(text("LOCK TABLE org_unit_line IN SHARE ROW EXCLUSIVE MODE"))


def _refuse_cycle(tx: Transaction, row: Row[Any], parent_id: str) -> None:
    inside = tx.connection.execute(
        select(line.c.steps).where(line.c.org_unit_id == parent_id, line.c.ancestor_id == row.id)
    ).one_or_none()
    if inside is None:
        return
    parent = tx.connection.execute(select(unit.c.code).where(unit.c.id == parent_id)).scalar_one()
    where = (
        gettext("itself") if parent_id == row.id else gettext("%(parent)s, which is below it", parent=parent)
    )
    raise OrgUnitCycle(
        gettext("Org unit %(code)s cannot be moved below %(where)s.", code=row.code, where=where),
        remedy=gettext("Choose a parent outside its branch, or none."),
        pointer="/parent",
    )


def _detach_branch(tx: Transaction, org_unit_id: str) -> None:
    """Remove a branch's closure rows to its ancestors; those inside the branch remain."""
    branch = select(line.c.org_unit_id).where(line.c.ancestor_id == org_unit_id)
    higher = select(line.c.ancestor_id).where(line.c.org_unit_id == org_unit_id, line.c.steps > 0)
    tx.connection.execute(delete(line).where(line.c.org_unit_id.in_(branch), line.c.ancestor_id.in_(higher)))


def _attach_branch(tx: Transaction, org_unit_id: str, parent_id: str | None) -> None:
    """Add a branch's closure rows to its new parent and that parent's ancestors."""
    if parent_id is not None:
        _ATTACH.run(tx.connection, {"org_unit": org_unit_id, "parent": parent_id})


_below, _higher = line.alias("below"), line.alias("higher")
_ATTACH = Prepared(
    insert(line).from_select(
        ["org_unit_id", "ancestor_id", "steps"],
        select(_below.c.org_unit_id, _higher.c.ancestor_id, _below.c.steps + _higher.c.steps + literal(1))
        .select_from(_below.join(_higher, literal(True)))
        .where(
            _below.c.ancestor_id == bindparam("org_unit", type_=Id, required=True),
            _higher.c.org_unit_id == bindparam("parent", type_=Id, required=True),
        ),
    )
)
