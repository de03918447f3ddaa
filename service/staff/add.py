"""Add, recognise, list and revoke operators."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.crypto.tokens import Prefix, hash_token, is_well_formed, mint
from service.errors import NotAuthorised, NotFound
from service.staff.models import Operator


def add_operator(session: Session, *, name: str, now: datetime) -> tuple[Operator, str]:
    """Add an operator; return them with their key, which is shown this once."""
    key = mint(Prefix.OPERATOR)
    operator = Operator(id=uuid4(), name=name, key_hash=hash_token(key), created_at=now)
    session.add(operator)
    return operator, key


def recognise_operator(session: Session, key: str) -> Operator:
    """Return the operator behind a key; `NotAuthorised` otherwise."""
    if is_well_formed(key, Prefix.OPERATOR):
        holds = Operator.key_hash == hash_token(key)
        operator = session.scalars(select(Operator).where(holds, Operator.revoked_at.is_(None))).one_or_none()
        if operator is not None:
            return operator
    raise NotAuthorised("the operator key is unknown or revoked: this door wants an operator's key (uop_…)")


def list_operators(session: Session) -> list[Operator]:
    """Return every operator, revoked ones too, oldest first."""
    return list(session.scalars(select(Operator).order_by(Operator.created_at, Operator.id)))


def revoke_operator(session: Session, operator_id: UUID, now: datetime) -> Operator:
    """End an operator's key."""
    operator = session.get(Operator, operator_id)
    if operator is None:
        raise NotFound(f"there is no operator {operator_id}")
    operator.revoked_at = operator.revoked_at or now
    return operator
