"""Desks of any size, loaded by a few statements that work on both databases.

Companies are trees of 63 org units, six levels deep. There is one org unit per ten contracts, one customer
per two, and two items per five. Half of the contracts are held by customers, four in ten by items, one in
ten by org units, all scattered, so that a service request has none to a dozen candidates at any size of the
desk. Every tenth company has only ended contracts: nothing covers its customers.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from bench.databases import bulk_loading
from workflows.store.database import Database

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
COMPANY = 63
LEVELS = 6
LAPSED_EACH = 10
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Size:
    """The number of records of each kind for a number of contracts."""

    contracts: int

    @property
    def org_units(self) -> int:
        return max(1, self.contracts // 10 // COMPANY) * COMPANY

    @property
    def customers(self) -> int:
        return max(1, self.contracts // 2)

    @property
    def items(self) -> int:
        return max(1, self.contracts * 2 // 5)


class Sql:
    """SQL fragments of one dialect, for statements over `number(n)`."""

    def __init__(self, database: Database, now: datetime = NOW) -> None:
        self.is_sqlite = database.is_sqlite
        self.now_seconds = int(now.timestamp())

    def instant(self, seconds: str) -> str:
        return f"(({seconds}) * 1000000)" if self.is_sqlite else f"to_timestamp({seconds})"

    def hash_of(self, value: str) -> str:
        """Return a hash, of which no audit is run."""
        return f"sha256_of({value})" if self.is_sqlite else f"sha256(convert_to({value}, 'UTF8'))"

    def days_from_now(self, days: str) -> str:
        return self.instant(f"{self.now_seconds} + ({days}) * {DAY}")

    def series(self, count: int) -> str:
        if self.is_sqlite:
            counting = f"SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < {count}"
            return f"WITH RECURSIVE s(n) AS ({counting}) SELECT n FROM s"
        return f"SELECT n FROM generate_series(0, {count - 1}) AS s(n)"


def record_id(kind: str, number: int | str) -> str:
    """Return the id of the record with a number: as SQL for an expression, as text for an int."""
    if isinstance(number, int):
        return f"{kind:0<14}{number:012d}"
    return f"'{kind:0<14}' || substr(cast(1000000000000 + {number} AS text), 2)"


def scatter(number: str, below: int | str, salt: int) -> str:
    """Return a pseudo-random SQL expression, the same for the same number. Salts are odd and below 2**32."""
    return f"((({number}) * {salt} + {salt >> 3}) % 4294967296 / 128 % {below})"


def customer_number(contract_size: Size, item: int) -> int:
    """Return the customer who owns an item."""
    return (item * _OWNER + (_OWNER >> 3)) % 2**32 // 128 % contract_size.customers


def unit_number(contract_size: Size, customer: int) -> int:
    """Return the org unit of a customer."""
    return (customer * _UNIT + (_UNIT >> 3)) % 2**32 // 128 % contract_size.org_units


def is_lapsed(contract_size: Size, customer: int) -> bool:
    """Return whether nothing covers a customer, because all contracts of its company have ended."""
    return unit_number(contract_size, customer) // COMPANY % LAPSED_EACH == 0


_OWNER, _UNIT, _HOLDER, _KIND, _TYPE, _STATE, _SPAN = (
    2654435761, 2246822519, 3266489917, 668265263, 374761393, 2869860233, 3624381081,
)  # fmt: skip


def fill(database: Database, contracts: int, *, ledger: bool = False, now: datetime = NOW) -> Size:
    """Load a register, contracts and grants, and with `ledger` their postings; all as of `now`."""
    size, sql = Size(contracts), Sql(database, now)
    with bulk_loading(database) as connection:
        _numbers(connection, sql, contracts)
        fill_register(connection, sql, size)
        _fill_contracts(connection, sql, size, _mixed(sql, size))
        _fill_grants(connection)
        if ledger:
            _fill_ledger(connection, sql)
        connection.execute(text("DROP TABLE number"))
    return size


def fill_due(database: Database, contracts: int, due: list[int]) -> list[datetime]:
    """Load support-hours contracts with minutes left; `due[i]` of them end at the i-th returned instant.

    The others end years later.
    """
    size, sql = Size(contracts), Sql(database)
    with bulk_loading(database) as connection:
        _numbers(connection, sql, contracts)
        fill_register(connection, sql, size)
        _fill_contracts(connection, sql, size, _ending(sql, size, due))
        _fill_grants(connection)
        heads = {"id": "contract_id", "sequence": "1", "hash": sql.hash_of("id")}
        _insert(connection, "ledger_chain", heads, "FROM contract_grant ORDER BY contract_id")
        connection.execute(text("DROP TABLE number"))
    return [NOW + timedelta(days=1 + index) for index in range(len(due))]


def _numbers(connection: Connection, sql: Sql, count: int) -> None:
    connection.execute(text("CREATE TEMPORARY TABLE number (n bigint PRIMARY KEY)"))
    connection.execute(text(f"INSERT INTO number {sql.series(max(count, 100))}"))


def fill_register(connection: Connection, sql: Sql, size: Size) -> None:
    """Load org units with their ancestor lines, customers and items; the table `number` must exist."""
    long_ago = sql.days_from_now("-700")
    in_company = f"(n % {COMPANY} + 1)"
    parent_id = record_id("u", f"(n - n % {COMPANY} + {in_company} / 2 - 1)")
    parent = f"CASE WHEN {in_company} = 1 THEN NULL ELSE {parent_id} END"
    unit = scatter("n", size.org_units, _UNIT)
    second = scatter("n", size.org_units, _SPAN)
    owner = scatter("n", size.customers, _OWNER)
    # Binary trees, each numbered from 1: the ancestor s steps above number k is k >> s.
    above = f"(n - n % {COMPANY} + ({in_company} >> s) - 1)"
    steps = " UNION ALL ".join(f"SELECT {step} AS s" for step in range(LEVELS))
    for statement in (
        "INSERT INTO org_unit (id, code, name, parent_id, created_at) "
        f"SELECT {record_id('u', 'n')}, 'unit-' || n, 'Unit ' || n, {parent}, {long_ago} "
        f"FROM number WHERE n < {size.org_units} ORDER BY n",
        "INSERT INTO org_unit_line (org_unit_id, ancestor_id, steps) "
        f"SELECT {record_id('u', 'n')}, {record_id('u', above)}, s FROM number, ({steps}) AS step "
        f"WHERE n < {size.org_units} AND ({in_company} >> s) >= 1 ORDER BY n, s",
        "INSERT INTO customer (id, email, name, org_unit_id, created_at) "
        f"SELECT {record_id('p', 'n')}, 'customer' || n || '@example.com', 'Customer ' || n, "
        f"{record_id('u', unit)}, {long_ago} FROM number WHERE n < {size.customers} ORDER BY n",
        "INSERT INTO customer_org_unit (customer_id, org_unit_id, position) "
        f"SELECT {record_id('p', 'n')}, {record_id('u', unit)}, 0 FROM number WHERE n < {size.customers} "
        f"ORDER BY n",
        "INSERT INTO customer_org_unit (customer_id, org_unit_id, position) "
        f"SELECT {record_id('p', 'n')}, {record_id('u', second)}, 1 FROM number "
        # A second org unit for one in ten; never for a lapsed customer, whom it would cover.
        f"WHERE n < {size.customers} AND n % 10 = 3 AND {unit} <> {second} "
        f"AND {unit} / {COMPANY} % {LAPSED_EACH} > 0 ORDER BY n",
        "INSERT INTO item (id, number, name, item_type, owner_customer_id, created_at) "
        f"SELECT {record_id('i', 'n')}, 'ITEM-' || n, 'Item ' || n, 'server', {record_id('p', owner)}, "
        f"{long_ago} FROM number WHERE n < {size.items} ORDER BY n",
    ):
        connection.execute(text(statement))


@dataclass(frozen=True, slots=True)
class _Shape:
    """The contracts of a desk, as SQL expressions over `number.n`, `kind`, `lapsed` and `dice`."""

    type_key: str
    state: str
    starts_at: str
    expires_at: str


def _mixed(sql: Sql, size: Size) -> _Shape:
    """Seven in ten active, one in ten pending, two in ten ended; lapsed companies have only ended ones."""
    span = scatter("n", 300, _SPAN)
    dice = scatter("n", 100, _STATE)
    state = (
        f"CASE WHEN lapsed OR {dice} < 20 THEN 'expired' WHEN {dice} < 30 THEN 'pending' ELSE 'active' END"
    )
    starts = (
        f"CASE WHEN lapsed OR {dice} < 20 THEN -400 - {span} WHEN {dice} < 30 THEN 1 + {span} "
        f"ELSE -1 - {span} END"
    )
    ends = (
        f"CASE WHEN lapsed OR {dice} < 20 THEN -1 - {span} WHEN {dice} < 30 THEN 400 + {span} "
        f"ELSE 300 - {span} + 1 END"
    )
    drawn = scatter("n", 100, _TYPE)
    type_key = (
        f"CASE WHEN {drawn} < 45 THEN 'subscription' WHEN {drawn} < 80 THEN 'support_hours' "
        "ELSE 'incident_pack' END"
    )
    return _Shape(type_key, state, sql.days_from_now(starts), sql.days_from_now(ends))


def _ending(sql: Sql, size: Size, due: list[int]) -> _Shape:
    """Active support-hours contracts, whose ends are scattered over the table."""
    # Contract counts are not divisible by this prime, so every number occurs once.
    place = f"(n * 7368787 % {size.contracts})"
    cases, below = [], 0
    for index, count in enumerate(due):
        below += count
        cases.append(f"WHEN {place} < {below} THEN {1 + index}")
    if below > size.contracts:
        raise ValueError(f"{below} of {size.contracts} contracts cannot be due.")
    ends = f"CASE {' '.join(cases)} ELSE 3000 END"
    return _Shape("'support_hours'", "'active'", sql.days_from_now("-200"), sql.days_from_now(ends))


def _fill_contracts(connection: Connection, sql: Sql, size: Size, shape: _Shape) -> None:
    dice = scatter("n", 10, _KIND)
    kind = f"CASE WHEN {dice} < 5 THEN 'customer' WHEN {dice} < 9 THEN 'item' ELSE 'org_unit' END"
    # The holder, then the holder's company: each named in a nested query.
    held = (
        f"SELECT n, {kind} AS kind, {scatter('n', size.customers, _HOLDER)} AS customer_n, "
        f"{scatter('n', size.items, _HOLDER)} AS item_n, {scatter('n', size.org_units, _HOLDER)} AS unit_n "
        f"FROM number WHERE n < {size.contracts}"
    )
    person = f"CASE kind WHEN 'item' THEN {scatter('item_n', size.customers, _OWNER)} ELSE customer_n END"
    owned = f"SELECT n, kind, item_n, unit_n, customer_n, {person} AS person_n FROM ({held}) AS held"
    unit_of_person = scatter("person_n", size.org_units, _UNIT)
    company = f"(CASE kind WHEN 'org_unit' THEN unit_n ELSE {unit_of_person} END / {COMPANY})"
    placed = (
        f"SELECT n, kind, item_n, unit_n, customer_n, {company} % {LAPSED_EACH} = 0 AS lapsed "
        f"FROM ({owned}) AS owned"
    )
    holder = (
        f"CASE kind WHEN 'customer' THEN {record_id('p', 'customer_n')} "
        f"WHEN 'item' THEN {record_id('i', 'item_n')} ELSE {record_id('u', 'unit_n')} END"
    )
    dated = (
        f"SELECT n, kind, {holder} AS holder_id, {shape.type_key} AS type_key, {shape.state} AS state, "
        f"{shape.starts_at} AS starts_at, {shape.expires_at} AS expires_at FROM ({placed}) AS placed"
    )
    draws = (
        "CASE type_key WHEN 'support_hours' THEN 'minutes' WHEN 'incident_pack' THEN 'incidents' "
        "ELSE 'nothing' END"
    )
    columns = {
        "id": record_id("c", "n"),
        "number": "'C-' || n",
        "type": "type_key",
        "draws": draws,
        "holder_kind": "kind",
        "holder_id": "holder_id",
        "time_zone": "'UTC'",
        "state": "state",
        "next_due_at": "CASE state WHEN 'pending' THEN starts_at WHEN 'active' THEN expires_at END",
        "starts_at": "starts_at",
        "expires_at": "expires_at",
        "enabled_at": "starts_at",
        "activated_at": "CASE state WHEN 'pending' THEN NULL ELSE starts_at END",
        "payment_due": "false",
        "made_by_rule": "false",
        "currency": "'EUR'",
        "sla": "'standard'",
        "created_at": sql.days_from_now("-720"),
        "created_by": "'loader'",
    }
    _insert(connection, "contract", columns, f"FROM ({dated}) AS dated ORDER BY n")


def _fill_grants(connection: Connection) -> None:
    """One grant for each contract that draws, half of it left; nothing is left of an ended one."""
    grant_id = "'l' || substr(id, 2)"
    quantity = "CASE draws WHEN 'minutes' THEN 600 ELSE 10 END"
    drawing = "FROM contract WHERE draws <> 'nothing' ORDER BY id"
    grant = {
        "id": grant_id,
        "contract_id": "id",
        "unit": "draws",
        "quantity": quantity,
        "kind": "'sold'",
        "created_at": "created_at",
        "created_by": "'loader'",
    }
    balance = {
        "grant_id": grant_id,
        "contract_id": "id",
        "unit": "draws",
        "available": f"CASE state WHEN 'expired' THEN 0 ELSE {quantity} / 2 END",
        "consumed": f"{quantity} / 2",
        "expired": f"CASE state WHEN 'expired' THEN {quantity} / 2 ELSE 0 END",
        "opens_at": "starts_at",
        "closes_at": "expires_at",
        "expiry_posted": "state = 'expired'",
    }
    _insert(connection, "contract_grant", grant, drawing)
    _insert(connection, "grant_balance", balance, drawing)


def _fill_ledger(connection: Connection, sql: Sql) -> None:
    """Load the postings behind the balances: each grant was granted, half consumed, and some expired."""
    sequences = {"grant": "1", "draw": "2", "expire": "CASE WHEN b.consumed > 0 THEN 3 ELSE 2 END"}
    for kind, source, target, amount, at, where in (
        ("grant", "sold", "available", "l.quantity", "b.opens_at", "true"),
        ("draw", "available", "consumed", "b.consumed", "b.opens_at", "b.consumed > 0"),
        ("expire", "available", "expired", "b.expired", "b.closes_at", "b.expired > 0"),
    ):
        moved = f"FROM contract_grant l JOIN grant_balance b ON b.grant_id = l.id WHERE {where} ORDER BY l.id"
        transaction_id = f"'{kind}-' || l.id"
        for leg, account, sign in ((0, source, "-"), (1, target, "")):
            posting = {
                "transaction_id": transaction_id,
                "leg": str(leg),
                "owner": "l.id",
                "account": f"'{account}'",
                "unit": "l.unit",
                "amount": sign + amount,
                "effective_at": at,
            }
            _insert(connection, "ledger_posting", posting, moved)
        transaction = {
            "id": transaction_id,
            "kind": f"'{kind}'",
            "effective_at": at,
            "recorded_at": at,
            "cause": "'contract:' || l.contract_id",
            "actor": "'loader'",
            "why": "'Loaded'",
            "contract_id": "l.contract_id",
            "chain_id": "l.contract_id",
            "sequence": sequences[kind],
            "hash": sql.hash_of(transaction_id),
        }
        _insert(connection, "ledger_transaction", transaction, moved)
    last = "SELECT max(sequence) FROM ledger_transaction WHERE chain_id = e.chain_id"
    heads = {"id": "e.chain_id", "sequence": "e.sequence", "hash": "e.hash"}
    _insert(connection, "ledger_chain", heads, f"FROM ledger_transaction e WHERE e.sequence = ({last})")


def _insert(connection: Connection, table: str, columns: dict[str, str], rows: str) -> None:
    names, values = ", ".join(columns), ", ".join(columns.values())
    connection.execute(text(f"INSERT INTO {table} ({names}) SELECT {values} {rows}"))
