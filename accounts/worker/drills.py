"""Drills: a mark in the database of a restored copy. While it stands, no worker runs any job.

So nothing leaves the copy: no mail, no notice about a key, nothing that other jobs send. The mark
is a lease that nobody renews and that never ends, so it stands in backups of every version.
"""

from accounts.models import Lease

MARK = "drill"
# Plain SQL for SQLite and PostgreSQL: a restore writes the mark before Django opens the database.
BEGIN = (
    f"DELETE FROM accounts_lease WHERE name = '{MARK}'",  # noqa: S608 (ours)
    f"INSERT INTO accounts_lease VALUES ('{MARK}', 'nobody', '9999-12-31 00:00:00')",  # noqa: S608
)
MEANING = "This is a drill's copy: no mail leaves and no job runs, until restore --end-drill."
_is_noted = False


def stands() -> bool:
    """Whether this database is a drill's copy. What was found is noted for this process's pages."""
    global _is_noted  # noqa: PLW0603 (the process has one)
    _is_noted = Lease.objects.filter(name=MARK).exists()
    return _is_noted


def is_noted() -> bool:
    """Whether this process found the mark when it looked last: at its start, and by its worker."""
    return _is_noted


def end() -> bool:
    """Take the mark away. Return whether there was one."""
    count, _ = Lease.objects.filter(name=MARK).delete()
    return count > 0
