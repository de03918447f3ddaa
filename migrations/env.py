"""How Alembic reaches the database: through the engine it is given, or the one in the settings."""

from alembic import context

from service.config import read_settings
from service.db import Base, Database
from service.tables import ALL_TABLES

assert ALL_TABLES

given = context.config.attributes.get("engine")
engine = given if given is not None else Database(read_settings().database_url).writing_engine
# Any number that nobody else locks: machines that start together migrate one after another.
MIGRATION_LOCK = 0x756E7370

with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            # A migration that can't get its lock soon gives up instead of stopping every till behind it.
            connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        context.run_migrations()
