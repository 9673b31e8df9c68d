"""Check a backup: it is whole, its parts belong together, and its audit trail holds."""

from pathlib import Path
from uuid import UUID

from accounts import audit
from accounts.crypto import ring
from accounts.crypto.keyring import KeyRingError
from config.copies import contents, layout, sqlite_copies
from config.copies.layout import Manifest, Refused


def check(folder: Path) -> Manifest:
    """Return the manifest of a backup in which everything holds. Raises Refused."""
    manifest = layout.read_manifest(folder)
    is_unchanged(folder, manifest)
    is_whole(folder, manifest)
    return manifest


def is_unchanged(folder: Path, manifest: Manifest) -> None:
    """Raise Refused unless the files are byte by byte those that were written."""
    for name, known in manifest.files.items():
        path = folder / name
        try:
            found = layout.digest(path)
        except OSError as error:
            raise Refused(f"{path} can't be read: {error.strerror}.") from None
        if found != known:
            raise Refused(f"{path} is damaged: it is not what was written. Take another backup.")


def is_whole(folder: Path, manifest: Manifest) -> None:
    """Raise Refused unless the database can be read, fits the ring, and its audit trail holds."""
    path = folder / layout.DATABASES[manifest.database]
    try:
        contents.fits(folder / layout.RING, manifest.ring)
    except KeyRingError as error:
        raise Refused(str(error)) from None
    if manifest.database == layout.POSTGRESQL:
        from config.copies import postgres_copies  # noqa: PLC0415 (it loads a driver)

        postgres_copies.check(path)
        return
    sqlite_copies.check(path)
    found = sqlite_copies.read(path)
    if any(getattr(found, name) != getattr(manifest, name) for name in found.__slots__):
        raise Refused(f"{path} does not hold what its manifest says. Take another backup.")


def broken_chains(folder: Path, manifest: Manifest) -> list[str]:
    """Return a line for each chain of a backup's audit trail that does not hold."""
    path = folder / layout.DATABASES[manifest.database]
    with ring.of_a_copy(folder / layout.RING):
        if manifest.database == layout.POSTGRESQL:
            from config.copies import dumped_audit  # noqa: PLC0415 (it loads a driver)

            found = dumped_audit.broken(path, manifest.links)
        else:
            with sqlite_copies.as_alias(path) as alias:
                chains = {UUID(each): audit.check(UUID(each), alias) for each in manifest.links}
            found = {each: chain.broken for each, chain in chains.items() if chain.broken}
    return [
        f"The audit trail of {each} is broken at entry {broken.sequence}."
        for each, broken in found.items()
    ]
