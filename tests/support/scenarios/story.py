"""A desk on which a scenario happens: its clock, and the names that its lines use."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.support.sample_desk import SampleDesk
from tests.support.scenarios.forms import BadValue, GrantText, Moment
from workflows.administration.settings import change_settings
from workflows.contracts.queries import read_contract
from workflows.jobs.definitions import JOBS, next_due
from workflows.service_requests.queries import read_service_request
from workflows.store import tables as t

UNTIMED_JOBS = {"deliver_outbox", "deliver_webhooks", "pick_up_rules", "take_up_replays", "clean_up"}
"""The jobs that change no contract and no service request: a story leaves them out."""


class UnknownName(LookupError):
    """A line speaks of a contract, grant, request or holder that no line before it has introduced."""


@dataclass
class Story:
    """The people are those of `SampleDesk`: Ann of Acme's site in Berlin, and her laptop.

    `jobs_in_time`: whenever the clock moves, the jobs run at each instant at which something is due, as with
    a scheduler that never stops. Otherwise they run where a line says `jobs`, and not before.
    """

    sample: SampleDesk
    jobs_in_time: bool
    contracts: dict[str, str] = field(default_factory=dict)
    requests: dict[str, str] = field(default_factory=dict)
    entries: dict[str, str] = field(default_factory=dict)
    """Ids of work entries by name."""
    grants: dict[str, str] = field(default_factory=dict)
    """Ids of grants by name."""
    months: dict[str, str] = field(default_factory=dict)
    """By contract id: how the months' grants are named, less their number."""

    @classmethod
    def begin(cls, sample: SampleDesk, settings: dict[str, Any], *, jobs_in_time: bool) -> "Story":
        """A story under the settings given; its clock is set by its first line."""
        if settings:
            sample.do(change_settings, settings)
        return cls(sample, jobs_in_time)

    # -------------------------------------------------------------- time

    def instant(self, moment: Moment) -> datetime:
        """In UTC. Raises: BadValue for a time that the provider's clocks leave out."""
        zone = self._zone()
        instant = moment.wall.replace(tzinfo=zone).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) != moment.wall:
            raise BadValue(f"The clocks of {zone.key} never show {moment.wall}.")
        return instant

    def until(self, moment: Moment) -> datetime:
        """An exclusive end: a day is included whole, an instant is the first that is not."""
        if moment.is_day:
            return self.instant(Moment(moment.wall + timedelta(days=1), is_day=True))
        return self.instant(moment)

    def move_to(self, moment: Moment) -> None:
        """Set the clock; where jobs run in time, they run at each instant due on the way."""
        at = self.instant(moment)
        done_at: datetime | None = None
        while self.jobs_in_time and (due := self.sample.see(next_due)) is not None and due <= at:
            assert due != done_at, f"what was due at {due} is still due after the jobs ran"
            self.sample.clock.at = max(due, self.sample.clock.at)
            self.run_jobs()
            done_at = due
        self.sample.clock.at = at

    def run_jobs(self) -> None:
        """Run every job that changes contracts or service requests, in the order of the scheduler."""
        desk = self.sample.desk
        desk.refresh()
        for name, job in JOBS.items():
            if name not in UNTIMED_JOBS:
                # without their status, whose storing takes as long as most of them
                job.run(desk, desk.now())

    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.sample.desk.config.settings.time_zone)

    # -------------------------------------------------------------- names

    def holder(self, name: str) -> tuple[str, str]:
        """The kind and id of someone or something that can hold a contract."""
        known = {
            "ann": ("customer", self.sample.ann),
            "laptop": ("item", self.sample.laptop),
            "site": ("org_unit", self.sample.site),
            "acme": ("org_unit", self.sample.parent),
        }
        return known[_known(name, known, "holder")]

    def contract(self, name: str) -> str:
        return self.contracts[_known(name, self.contracts, "contract")]

    def request(self, name: str) -> str:
        return self.requests[_known(name, self.requests, "service request")]

    def entry(self, name: str) -> str:
        return self.entries[_known(name, self.entries, "work entry")]

    def name_entry(self, name: str, entry_id: str) -> None:
        self._check_free(name)
        self.entries[name] = entry_id

    def name_contract(self, name: str, contract_id: str, grants: tuple[GrantText, ...]) -> None:
        self._check_free(name)
        self.contracts[name] = contract_id
        monthly = [one.name for one in grants if one.monthly]
        if monthly:
            self.months[contract_id] = monthly[0]
        else:
            self.name_grants(contract_id, [one.name for one in grants])

    def name_grants(self, contract_id: str, names: list[str]) -> None:
        """Name the newest grants of a contract, in the order in which they were given."""
        ids = sorted(row.grant_id for row in self.sample.grants(contract_id))
        for name, grant_id in zip(names, ids[len(ids) - len(names) :], strict=True):
            self._check_free(name)
            self.grants[name] = grant_id

    def name_request(self, name: str, request_id: str) -> None:
        self._check_free(name)
        self.requests[name] = request_id
        self.name_created_contract(name)

    def name_created_contract(self, request: str) -> None:
        """Call the contract that a search has just created for the request R1 `R1.contract`."""
        coverage = self.sample.see(read_service_request, self.request(request)).coverage
        if coverage is not None and coverage.outcome == "created" and coverage.contract is not None:
            self.contracts[f"{request}.contract"] = coverage.contract

    def contract_of_grant(self, name: str) -> tuple[str, str | None]:
        """The contract and the id of a grant; no id for a month that has not been granted yet.

        Raises: UnknownName.
        """
        for contract_id in self.contracts.values():
            for grant_id, given in self.grant_names(contract_id).items():
                if given == name:
                    return contract_id, grant_id
        for contract_id, prefix in self.months.items():
            if name.removeprefix(prefix).removesuffix("rest").isdecimal():
                return contract_id, None
        raise UnknownName(f"There is no grant {name}.")

    def grant_names(self, contract_id: str) -> dict[str, str]:
        """The names of a contract's grants by id. Those without a name of their own are its months.

        What keeps the rest of the month M1 is named M1rest.
        """
        names = {grant_id: name for name, grant_id in self.grants.items()}
        rows = sorted(self.sample.rows(t.contract_grant, contract_id=contract_id), key=lambda row: row.id)
        months = [row.id for row in rows if row.id not in names and row.rest_of_id is None]
        prefix = self.months.get(contract_id, "unnamed")
        names |= {grant_id: f"{prefix}{number}" for number, grant_id in enumerate(months, 1)}
        names |= {row.id: f"{names[row.rest_of_id]}rest" for row in rows if row.rest_of_id is not None}
        return {row.id: names[row.id] for row in rows}

    def contract_name(self, contract_id: str | None) -> str:
        """The name of a contract, or its number where no line has named it."""
        names = {one: name for name, one in self.contracts.items()}
        if contract_id is None or contract_id in names:
            return names.get(contract_id or "", "no contract")
        return self.sample.see(read_contract, contract_id).number

    def _check_free(self, name: str) -> None:
        if any(name in names for names in (self.contracts, self.requests, self.grants, self.entries)):
            raise BadValue(f"The name {name} is taken.")


def _known(name: str, names: dict[str, Any], what: str) -> str:
    if name not in names:
        raise UnknownName(f"There is no {what} {name}; known: {', '.join(names) or 'none'}.")
    return name
