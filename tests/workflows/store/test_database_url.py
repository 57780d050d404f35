"""How the address of a database is read, and which ones are refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.operations.deployment import UnusableDatabaseUrl, migrate_database
from workflows.store.database_url import MalformedUrl, check_url, connect_arguments, read_url
from workflows.store.postgresql_sessions import session_arguments

TWO_HOSTS = {"host": "a,b", "port": "5432,5433", "dbname": "desk"}


@pytest.mark.parametrize(
    ("url", "arguments"),
    [
        # as PostgreSQL's manual writes it
        ("postgresql://a:5432,b:5433/desk", TWO_HOSTS),
        ("postgres://a:5432,b:5433/desk", TWO_HOSTS),
        ("postgresql+psycopg://a:5432,b:5433/desk", TWO_HOSTS),
        (
            "postgresql://me:p%40ss@a:5432,b:5433/desk?target_session_attrs=any",
            {**TWO_HOSTS, "user": "me", "password": "p@ss", "target_session_attrs": "any"},
        ),
        ("postgresql://a,b/desk", {"host": "a,b", "port": ",", "dbname": "desk"}),
        ("postgresql://a,b:5433/desk", {"host": "a,b", "port": ",5433", "dbname": "desk"}),
        ("postgresql://a,b/desk?port=6432", {"host": "a,b", "port": "6432,6432", "dbname": "desk"}),
        ("postgresql://[::1]:5432,[::2]/desk", {"host": "::1,::2", "port": "5432,", "dbname": "desk"}),
        ("postgresql://%2Frun%2Fa,%2Frun%2Fb/desk", {"host": "/run/a,/run/b", "port": ",", "dbname": "desk"}),
        # as SQLAlchemy does
        ("postgresql+psycopg:///desk?host=a:5432&host=b:5433", TWO_HOSTS),
        ("postgresql:///desk?host=a,b&port=5432,5433", TWO_HOSTS),
        ("postgresql:///desk?host=[::1]:5432&host=b", {"host": "::1,b", "port": "5432,", "dbname": "desk"}),
        # one host
        ("postgresql://me@a:5433/desk", {"host": "a", "port": 5433, "user": "me", "dbname": "desk"}),
        ("postgresql://[::1]:5433/desk", {"host": "::1", "port": 5433, "dbname": "desk"}),
        ("postgresql:///desk?host=/run/postgresql", {"host": "/run/postgresql", "dbname": "desk"}),
        ("postgresql://a/desk?prepare=on", {"host": "a", "dbname": "desk"}),
    ],
)
def test_what_the_driver_is_given(url: str, arguments: dict[str, Any]) -> None:
    read = read_url(url)
    check_url(read)
    assert connect_arguments(read) == arguments
    assert read_url(read.render_as_string(hide_password=False)) == read


REFUSED = {
    "": "is not the address of a database",
    "nonsense": "is not the address of a database",
    "postgresql://": "is neither an SQLite file nor a PostgreSQL database",
    "postgresql://a,b": "is neither an SQLite file nor a PostgreSQL database",
    "postgresql+psycopg2://a/desk": "is neither an SQLite file nor a PostgreSQL database",
    "mysql://a,b/desk": "is neither an SQLite file nor a PostgreSQL database",
    "sqlite://": "is neither an SQLite file nor a PostgreSQL database",
    "sqlite:///desk.db?timeout=abc": "has parameters, and an SQLite file takes none",
    "postgresql://a:abc/desk": "names a port that is not a number",
    "postgresql://a:/desk": "names a port that is not a number",
    "postgresql://a:70000/desk": "names the port 70000; the highest is 65535",
    "postgresql://a:1,b:70000/desk": "names the port 70000; the highest is 65535",
    "postgresql://a:1,b:x/desk": "names a host or a port that cannot be read",
    "postgresql://a:1,b:2:3/desk": "names a host or a port that cannot be read",
    "postgresql://a,b/desk?port=1,2,3": "names 3 ports for 2 hosts",
    "postgresql://a,b/desk?port=x": "names a port that is not a number",
    "postgresql://a,b/desk?host=c": "names hosts before the '?' and after it",
    "postgresql://a:1,b:2/desk?port=3": "names ports with the hosts and apart from them",
    "postgresql://me:secret@word@a/desk": "has an '@' too many; in a password it is written %40",
    "postgresql://a/desk?sslmode=require&sslmode=allow": "has more than one sslmode",
    "postgresql://a/desk?prepare=maybe": "has a prepare that is none of auto, on, off",
    "postgresql://a/desk?nonsense=1": "has a parameter that PostgreSQL does not take: invalid connection",
    "postgresql://a/desk?plugin=x": "has a parameter that PostgreSQL does not take: invalid connection",
    "postgresql://a/desk?connect_timeout=abc": "has a parameter that PostgreSQL does not take: bad value",
}


@pytest.mark.parametrize(("url", "reason"), REFUSED.items())
def test_what_is_refused_says_why(url: str, reason: str) -> None:
    with pytest.raises(UnusableDatabaseUrl) as refused:
        migrate_database(url)
    assert str(refused.value).startswith(f"COVERDESK_DATABASE_URL {reason}")
    assert "secret" not in str(refused.value)


@given(
    st.lists(st.sampled_from([*"ab,:@/?=&%[]1 .", "//", "host=", "port=", "54321"]), max_size=20).map("".join)
)
def test_any_other_text_is_read_or_refused(rest: str) -> None:
    try:
        url = read_url(f"postgresql://{rest}")
        check_url(url)
    except MalformedUrl:
        return
    assert connect_arguments(url)["dbname"]


def test_of_several_hosts_it_takes_the_one_that_can_be_written_to() -> None:
    several = connect_arguments(read_url("postgresql://a,b/desk"))
    assert session_arguments(several)["target_session_attrs"] == "read-write"
    assert "target_session_attrs" not in session_arguments(several | {"target_session_attrs": "primary"}), (
        "the address decides"
    )
    assert "target_session_attrs" not in session_arguments(connect_arguments(read_url("postgresql://a/desk")))
    assert session_arguments({"host": "a"})["connect_timeout"] == 5
    assert "connect_timeout" not in session_arguments({"host": "a", "connect_timeout": "60"})
