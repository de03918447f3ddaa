"""Run and inspect the Alembic migrations in `migrations/`."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from service.db import Database


def migrate(db: Database) -> list[str]:
    """Bring the database up to date; return the revisions that were run."""
    waiting = pending_migrations(db)
    config = _config()
    config.attributes["engine"] = db.writing_engine
    command.upgrade(config, "head")
    return waiting


def pending_migrations(db: Database) -> list[str]:
    """Return the revisions that the database lacks, oldest first."""
    script = ScriptDirectory.from_config(_config())
    with db.engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_heads()
    known = {revision.revision for head in current for revision in script.iterate_revisions(head, "base")}
    return [item.revision for item in reversed(list(script.walk_revisions())) if item.revision not in known]


def _config() -> Config:
    here = Path(__file__).parent
    packaged = here / "migrations"
    config = Config()
    config.set_main_option("script_location", str(packaged if packaged.is_dir() else here.parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
