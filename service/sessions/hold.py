"""Hold sessions still: whoever ends them waits first for those who are just opening or using one."""

from collections.abc import Callable

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from service.sessions.models import Handoff, ShopperSession

Which = Callable[[type[Handoff] | type[ShopperSession]], ColumnElement[bool]]


def hold_sessions(session: Session, which: Which) -> None:
    """Wait for everyone who holds one of these handoffs or sessions, and let nobody else begin.

    In the order in which a shopper's own requests lock them: what a handoff that was just exchanged has opened, and
    what a confirmation has opened, the caller's next statement sees.
    """
    for key, table in ((Handoff.token_hash, Handoff), (ShopperSession.id, ShopperSession)):
        session.execute(select(key).where(which(table)).order_by(key).with_for_update())
