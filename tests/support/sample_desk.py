"""A desk in use: the shipped rules in force, contracts on, and shortcuts for contracts, requests and work."""

from datetime import datetime, timedelta
from typing import Any

from engine.rulebook import is_rule_file, version_of
from tests.support.builders import MONDAY, RULES, DeskFixture
from workflows.commands.contracts import HolderGiven, NewContract
from workflows.commands.service_requests import FireTrigger, NewServiceRequest
from workflows.commands.work import WorkGiven
from workflows.contracts.use_cases import create_contract
from workflows.core.config_version import bump_generation
from workflows.service_requests.log import Logged, log_service_request
from workflows.service_requests.use_cases import fire_trigger
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.work.use_cases import log_work


class SampleDesk(DeskFixture):
    """Acme with a site, Ann at the site and her laptop, and the contracts that a test creates."""

    def __init__(self, database_url: str, **settings: Any) -> None:
        super().__init__(database_url)
        self._open(settings)
        self.parent = self.org_unit("acme")
        self.site = self.org_unit("acme-berlin", parent=self.parent)
        self.ann = self.customer("Ann", self.site)
        self.laptop = self.item("LAP-1", customer=self.ann)

    def _open(self, settings: dict[str, Any]) -> None:
        values = {"contracts": True, "time_expired_contract": "rollover", **settings}
        files = {
            path.relative_to(RULES).as_posix(): path.read_text()
            for path in RULES.rglob("*.json")
            if is_rule_file(path.relative_to(RULES).as_posix())
        }
        version = version_of(files)
        with self.desk.write() as tx:
            tx.add(t.rule_set, version=version, files=files, created_at=tx.now)
            tx.add(
                t.rule_publication,
                id=new_id(),
                version=version,
                note="For a test",
                published_by=self.administrator.name,
                published_at=tx.now,
            )
            for key, value in values.items():
                tx.add(t.setting, key=key, value=value)
            bump_generation(tx, rule_set=version)
        self.desk.refresh()

    def set(self, **settings: Any) -> None:
        """Change settings without validation."""
        with self.desk.write() as tx:
            for key, value in settings.items():
                tx.connection.execute(t.setting.delete().where(t.setting.c.key == key))
                tx.add(t.setting, key=key, value=value)
            bump_generation(tx)
        self.desk.refresh()

    # -------------------------------------------------------------- contracts

    def sell(self, type_key: str, *, to: tuple[str, str] | None = None, **terms: Any) -> str:
        """Create a contract held by `to` (kind, id), or by Ann, and return its id."""
        kind, holder_id = to or ("customer", self.ann)
        command = NewContract(type=type_key, holder=HolderGiven(**{kind: holder_id}), **terms)
        return self.do(create_contract, command)

    def contract(self, contract_id: str) -> Any:
        return self.rows(t.contract, id=contract_id)[0]

    def grants(self, contract_id: str) -> list[Any]:
        return self.rows(t.grant_balance, contract_id=contract_id)

    def carried(self, holder: str) -> int:
        return sum(row.minutes for row in self.rows(t.carried_balance, holder=holder))

    # -------------------------------------------------------------- service requests

    def log(self, subject: str = "It does not start", **given: Any) -> str:
        """Log a service request for Ann's laptop as the technician, and return its id."""
        result = self.try_log(subject, **given)
        assert result.service_request is not None, result.refused
        return result.service_request

    def try_log(self, subject: str = "It does not start", **given: Any) -> Logged:
        fields = {"customer": self.ann, "item": self.laptop} | given
        command = NewServiceRequest(subject=subject, **fields)
        return self.do_as(self.technician, log_service_request, command)

    def request(self, request_id: str) -> Any:
        return self.rows(t.service_request, id=request_id)[0]

    def fire(self, request_id: str, trigger: str, **words: str) -> str:
        """Fire a trigger as the technician, and return the new state."""
        command = FireTrigger.model_validate({"trigger": trigger, **words})
        self.do_as(self.technician, fire_trigger, request_id, command)
        return str(self.request(request_id).state)

    def work(self, request_id: str, minutes: int, *, at: datetime | None = None, **given: Any) -> list[Any]:
        """Log minutes at one instant (default: now), and return the allocations as (kind, minutes)."""
        command = WorkGiven(minutes=minutes, worked_at=at or self.clock.now(), **given)
        return self.allocations(self.do_as(self.technician, log_work, request_id, command))

    def work_span(self, request_id: str, started_at: datetime, **length: int) -> list[Any]:
        """Log work from an instant for a duration, such as `minutes=90`."""
        command = WorkGiven(started_at=started_at, ended_at=started_at + timedelta(**length))
        return self.allocations(self.do_as(self.technician, log_work, request_id, command))

    def allocations(self, entry_id: str) -> list[Any]:
        rows = self.rows(t.work_allocation, work_entry_id=entry_id)
        return [
            (row.kind, row.minutes) for row in sorted(rows, key=lambda row: row.id) if row.reversed_at is None
        ]

    def entries(self, request_id: str) -> list[Any]:
        return self.rows(t.work_entry, service_request_id=request_id)


__all__ = ["MONDAY", "SampleDesk"]
