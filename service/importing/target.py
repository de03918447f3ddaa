"""Where a file goes."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.merging.rules import Rules


@dataclass(frozen=True)
class Target:
    """Whose accounts a file holds, which import it is, and by which rules its people may be joined."""

    site_id: UUID
    import_id: UUID
    rules: Rules
    now: datetime
