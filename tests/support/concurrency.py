"""Concurrent workers, each with a `Desk` of its own, in threads or in processes.

A `WorkerContext` can be sent to another process; the functions return plain values.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from multiprocessing import get_context
from typing import Any, TypeVar

from engine.errors import DeskError
from tests.support.builders import FixedClock
from tests.support.sample_desk import SampleDesk
from workflows.billing.issuing.use_cases import issue_invoice
from workflows.commands.service_requests import FireTrigger, NewServiceRequest, SearchCoverage
from workflows.commands.work import WorkGiven
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.core.errors import StateForbids
from workflows.core.transaction import Transaction
from workflows.jobs.definitions import JOBS, run_job
from workflows.jobs.scheduler import tick
from workflows.service_requests.log import log_service_request
from workflows.service_requests.use_cases import fire_trigger, search_or_assign
from workflows.store.database import Database
from workflows.work.use_cases import log_work

T = TypeVar("T")


@dataclass(frozen=True)
class WorkerContext:
    """What a worker needs: the database, the current instant, the actor, and a customer and item to serve."""

    database_url: str
    at: datetime
    actor: Actor
    customer: str
    item: str


def worker_context(sample: SampleDesk, actor: Actor | None = None) -> WorkerContext:
    """Return the context of a worker on a test desk; the actor defaults to the technician."""
    url = sample.desk.database.url.render_as_string(hide_password=False)
    return WorkerContext(url, sample.clock.at, actor or sample.technician, sample.ann, sample.laptop)


@dataclass(frozen=True)
class WorkerPool:
    """A number of threads or processes that can do the same thing concurrently."""

    pool: Executor
    size: int

    def do(self, work: Callable[..., T], *arguments: Any) -> list[T]:
        """Run the function once per worker, and return all results."""
        return [future.result() for future in self.start(work, *arguments)]

    def start(self, work: Callable[..., T], *arguments: Any) -> list[Future[T]]:
        return [self.pool.submit(work, *arguments) for _ in range(self.size)]


@contextmanager
def worker_pool(kind: str, size: int) -> Iterator[WorkerPool]:
    """Start threads or processes. Processes are spawned, so that they share nothing."""
    made: Executor
    if kind == "threads":
        made = ThreadPoolExecutor(size)
    else:
        made = ProcessPoolExecutor(size, mp_context=get_context("spawn"))
    with made as pool:
        yield WorkerPool(pool, size)


@contextmanager
def desk_at(context: WorkerContext) -> Iterator[Desk]:
    desk = Desk(Database(context.database_url, pool_size=2), FixedClock(context.at))
    try:
        yield desk
    finally:
        desk.database.dispose()


def log_requests(context: WorkerContext, count: int, log_path: str | None = None) -> list[str]:
    """Log service requests and return their ids; each is appended to the file once it is saved."""
    command = NewServiceRequest(subject="It does not start", customer=context.customer, item=context.item)
    logged = []
    with desk_at(context) as desk:
        for _ in range(count):
            made = desk.perform(context.actor, lambda tx: log_service_request(tx, command))
            assert made.service_request is not None
            logged.append(made.service_request)
            append_line(log_path, made.service_request)
    return logged


def log_minutes(
    context: WorkerContext, request_ids: list[str], minutes: int, count: int, log_path: str | None = None
) -> list[str]:
    """Log work of `minutes` each on the service requests in turn; return the ids of the entries."""
    command = WorkGiven(minutes=minutes, worked_at=context.at)
    entries = []
    with desk_at(context) as desk:
        for turn in range(count):
            use_case = partial(
                log_work, service_request_id=request_ids[turn % len(request_ids)], command=command
            )
            entries.append(desk.perform(context.actor, use_case))
            append_line(log_path, entries[-1])
    return entries


def fire_once(context: WorkerContext, request_id: str, trigger: str, reason: str) -> str:
    """Fire a trigger; return "done" or the code of the refusal."""
    command = FireTrigger.model_validate({"trigger": trigger, "note": reason, "reason": reason})
    return attempt(context, lambda tx: fire_trigger(tx, request_id, command))


def search_once(context: WorkerContext, request_id: str) -> str:
    return attempt(context, lambda tx: search_or_assign(tx, request_id, SearchCoverage()))


def attempt(context: WorkerContext, use_case: Callable[[Transaction], Any]) -> str:
    with desk_at(context) as desk:
        try:
            desk.perform(context.actor, use_case)
        except DeskError as refusal:
            return refusal.code
    return "done"


def issue_each(context: WorkerContext, invoice_ids: list[str]) -> list[str]:
    """Issue the drafts that nobody has issued yet; return their ids."""
    issued = []
    with desk_at(context) as desk:
        for invoice_id in invoice_ids:
            try:
                issued.append(desk.perform(context.actor, partial(issue_invoice, invoice_id=invoice_id)))
            except StateForbids:
                continue
    return issued


def run_job_at_once(context: WorkerContext, name: str) -> int:
    """Run one job; returns its count."""
    with desk_at(context) as desk:
        return run_job(desk, name)


def run_every_job(context: WorkerContext, rounds: int) -> int:
    """Run all jobs that need no network, without claiming slots; return how much was done."""
    with desk_at(context) as desk:
        return sum(
            run_job(desk, name) for _ in range(rounds) for name in JOBS if not name.startswith("deliver_")
        )


def tick_every_job(context: WorkerContext) -> list[str]:
    """Tick as a scheduler does; return the jobs whose slot was claimed."""
    with desk_at(context) as desk:
        return [
            name
            for name, job in JOBS.items()
            if not name.startswith("deliver_") and tick(desk, name, job.every_seconds) is not None
        ]


def append_line(path: str | None, line: str) -> None:
    """Append a line to a file in a single write, so that a reader sees only complete lines."""
    if path is not None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, f"{line}\n".encode())
        os.close(descriptor)
