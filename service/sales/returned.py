"""What came back of a sale, as SQL expressions, so that a list of sales asks once."""

from typing import Any

from sqlalchemy import ColumnElement, Dialect, Float, case, func, select, tuple_, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import aliased
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from service.sales.models import Return, Sale

# The largest integer that JavaScript holds exactly: no till may write an amount beyond it.
_MOST_MINOR = 2**53 - 1


class _Minor(TypeDecorator[int]):
    """A sum of amounts, which the database may write as any kind of number."""

    impl = Float
    cache_ok = True

    def process_result_value(self, value: float | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else min(int(value), _MOST_MINOR)


class _total_of(FunctionElement[float]):  # noqa: N801 - it is called like a function of SQL
    """The sum of the lines' `total_minor`."""

    inherit_cache = True


@compiles(_total_of, "sqlite")
def _on_sqlite(element: _total_of, compiler: Any, **given: Any) -> str:
    lines = compiler.process(element.clauses, **given)
    return f"(SELECT total(json_extract(value, '$.total_minor')) FROM json_each({lines}))"  # noqa: S608 - our own column


@compiles(_total_of, "postgresql")
def _on_postgresql(element: _total_of, compiler: Any, **given: Any) -> str:
    lines = compiler.process(element.clauses, **given)
    return f"(SELECT sum((line ->> 'total_minor')::numeric) FROM jsonb_array_elements({lines}) AS line)"  # noqa: S608 - our own column


def is_of_sale() -> ColumnElement[bool]:
    """Return whether the `Return` in scope means the `Sale` in scope."""
    return (Return.sale_id == Sale.id) & ~_is_of_another()


def returned_minor() -> ColumnElement[int]:
    """Return what returns of the `Sale` in scope gave back, at least 0, in minor units of the sale's currency.

    Each return counts as a magnitude: some tills write returns as negative. One in another currency doesn't count.
    """
    of_sale = (is_of_sale(), Return.training == Sale.training, Return.currency == Sale.currency)
    given_back = select(func.sum(func.abs(_total_of(Return.lines)))).where(*of_sale)
    return type_coerce(func.coalesce(given_back.correlate(Sale).scalar_subquery(), 0), _Minor())


def _is_of_another() -> ColumnElement[bool]:
    """Return whether the `Return` in scope means another sale of that id: ids are unique within a terminal only."""
    other = aliased(Sale)
    same = (other.id == Sale.id, other.training == Sale.training)
    return select(other.id).where(*same, _distance(other) < _distance(Sale)).correlate(Sale, Return).exists()


def _distance(sale: type[Sale]) -> ColumnElement[Any]:
    """Return how far a sale is from the return: its till's own comes first, then its store's, then the oldest."""
    place = case((sale.terminal_id == Return.terminal_id, 0), (sale.store_id == Return.store_id, 1), else_=2)
    return tuple_(place, sale.received_at, sale.terminal_id)
