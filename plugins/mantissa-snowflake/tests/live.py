"""Snowflake in the simulation of live collection: ``just live``. Both kinds of grants share a table: two accounts."""

from collections.abc import Iterator
from contextlib import contextmanager

from fake_snowflake import ACCOUNT, USER, FakeSnowflake, pem
from mantissa_core.testing.live import Live


@contextmanager
def live() -> Iterator[list[Live]]:
    grants = {"snowflake_grant": '"GRANTEE_NAME"'}
    with FakeSnowflake() as first, FakeSnowflake() as second:
        tables = {"snowflake_login": '"USER_NAME"', "snowflake_query": '"QUERY_ID"', **grants}
        yield [
            _live(first, ["login", "query", "grants_to_users"], tables),
            _live(second, ["grants_to_roles"], grants),
        ]


def _live(fake: FakeSnowflake, views: list[str], tables: dict[str, str]) -> Live:
    fake.page_size = 50
    settings = {"account": ACCOUNT, "user": USER, "url": fake.url, "views": views, "timeout": 10}
    return Live("snowflake.account_usage", settings, fake, tables, secrets={"private_key": pem()})
