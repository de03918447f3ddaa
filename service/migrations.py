"""Run and inspect the Alembic migrations in `migrations/`. Alembic is imported only to run them."""

from pathlib import Path

from sqlalchemy import inspect, text

from service.db import Database
from service.errors import BadSettings

_LENGTH_OF_REVISION = len("0001")


def migrate(db: Database) -> list[str]:
    """Bring the database up to date; return the revisions that were run."""
    from alembic import command
    from alembic.config import Config

    before = current_revision(db)
    if before is not None and before not in known_revisions():
        raise BadSettings(f"the database is at migration {before}, which this version doesn't know: upgrade first")
    config = Config()
    config.set_main_option("script_location", str(_folder()))
    config.set_main_option("path_separator", "os")
    config.attributes["engine"] = db.writing_engine
    command.upgrade(config, "head")
    return [revision for revision in known_revisions() if before is None or revision > before]


def is_migrated(db: Database) -> bool:
    """Return whether the database has every migration that this code knows. Later ones are taken not to hurt it."""
    current = current_revision(db)
    return current is not None and current >= known_revisions()[-1]


def find_fault(db: Database) -> str | None:
    """Return in words why the database can't be served from as it is; None when nothing is wrong."""
    try:
        if not is_migrated(db):
            return "the database lacks migrations: run `unspoken migrate`"
        return "the database is read-only" if db.is_read_only() else None
    except db.any_error:
        return "the database does not answer"


def current_revision(db: Database) -> str | None:
    """Return the newest migration that the database has run."""
    with db.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision


def known_revisions() -> list[str]:
    """Return every revision, oldest first: migrations are numbered, and their files begin with the number."""
    return sorted(path.name[:_LENGTH_OF_REVISION] for path in (_folder() / "versions").glob("[0-9]*.py"))


def _folder() -> Path:
    here = Path(__file__).parent
    packaged = here / "migrations"
    return packaged if packaged.is_dir() else here.parent / "migrations"
