"""How often PostgreSQL plans what a till sends all day."""

import pytest

from tests.world import World

_PLANNED = "SELECT sum(custom_plans) FROM pg_prepared_statements WHERE statement LIKE 'INSERT INTO sales%'"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_sale_is_not_planned_anew_each_time(world: World) -> None:
    till = world.till()
    for _ in range(20):
        till.sell()
    assert world.service.db._kept.cursor.execute(_PLANNED).fetchone()[0] == 0
