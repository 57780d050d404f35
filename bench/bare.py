"""A bare Flask handler with one ORM insert, as in a tutorial, on the product's server and database.

`bench.bare_work` is another, with as many inserts as work needs.

Run as `python -m bench.bare --port N`, with COVERDESK_DATABASE_URL set.
"""

from typing import Any

import click
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from bench import bare_work
from web.cli.serving import Server, metrics_folder
from web.environment import Environment


class Base(DeclarativeBase):
    pass


class Ticket(Base):
    """A ticket with the fields that a service request is logged with."""

    __tablename__ = "bare_ticket"

    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str]
    customer: Mapped[str]
    item: Mapped[str | None]
    priority: Mapped[str]


def create_bare_app(database_url: str) -> Flask:
    """`/tickets` reads its row's id after the commit, which costs a query; `/frugal` before it."""
    app = Flask(__name__)
    engine = create_engine(database_url, pool_size=20)
    session_of = sessionmaker(engine)
    app.register_blueprint(bare_work.work_routes(session_of))

    @app.post("/tickets")
    def create_ticket() -> ResponseReturnValue:
        with session_of() as session:
            ticket = Ticket(**request.get_json())
            session.add(ticket)
            session.commit()
            return jsonify(id=ticket.id, subject=ticket.subject), 201

    @app.post("/frugal")
    def create_frugally() -> ResponseReturnValue:
        with session_of() as session:
            ticket = Ticket(**request.get_json())
            session.add(ticket)
            session.flush()
            answer = {"id": ticket.id, "subject": ticket.subject}
            session.commit()
            return jsonify(answer), 201

    @app.get("/tickets")
    def list_tickets() -> ResponseReturnValue:
        with session_of() as session:
            newest = select(Ticket).order_by(Ticket.id.desc()).limit(request.args.get("limit", 50, int))
            return jsonify(items=[_as_dict(ticket) for ticket in session.scalars(newest)])

    @app.get("/tickets/<int:ticket_id>")
    def read_ticket(ticket_id: int) -> ResponseReturnValue:
        with session_of() as session:
            return jsonify(_as_dict(session.get_one(Ticket, ticket_id)))

    @app.get("/healthz")
    def healthz() -> ResponseReturnValue:
        return jsonify(status="ok")

    return app


def _as_dict(ticket: Ticket) -> dict[str, Any]:
    return {column.name: getattr(ticket, column.name) for column in Ticket.__table__.columns}


class BareServer(Server):
    """The product's server with this application."""

    def load(self) -> Any:
        return create_bare_app(self.environment.database_url)


@click.command()
@click.option("--port", type=int, required=True)
@click.option("--workers", type=int, default=2)
@click.option("--threads", type=int, default=8)
def main(port: int, workers: int, threads: int) -> None:
    """Serve the bare handler."""
    environment = Environment()
    engine = create_engine(environment.database_url)
    Base.metadata.create_all(engine)
    bare_work.Base.metadata.create_all(engine)
    engine.dispose()
    with metrics_folder():
        BareServer(environment, host="127.0.0.1", port=port, workers=workers, threads=threads).run()


if __name__ == "__main__":
    main()
