"""Static files: collected with a compressed copy beside each, and served ahead of Django."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from servestatic import ServeStaticASGI
from servestatic.compress import Compressor
from servestatic.storage import CompressedManifestStaticFilesStorage

MAX_AGE = 60  # seconds, for the few files without a hash in their names
HASH_LENGTH = 12  # characters that ManifestStaticFilesStorage puts before the extension
# Source maps are large, and only developers' tools ask for them.
NOT_COMPRESSED = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")


class CompressedStorage(CompressedManifestStaticFilesStorage):
    """Keeps a file `<name>.gz` beside each file whose name has a hash, made once.

    The name changes with the content, so a copy that is there stays right. Another server of this
    folder may be sending it, so it is never written again.
    """

    def create_compressor(self, **options: Any) -> Compressor:
        """Return one that makes gzip alone: every browser takes it, and Python brings it."""
        return Compressor(NOT_COMPRESSED, use_brotli=False, use_zstd=False, quiet=options["quiet"])

    def compress_files(self, paths: set[str]) -> Iterator[tuple[str, str]]:
        """Compress what has no copy yet."""
        return super().compress_files({path for path in paths if self._lacks_copy(path)})  # type: ignore[no-any-return]

    def add_stats_to_manifest(self) -> None:
        """Leave the manifest as it is: the server looks at the files themselves."""

    def _lacks_copy(self, path: str) -> bool:
        return is_hashed(path) and not Path(self.path(f"{path}.gz")).exists()


def with_static_files(application: Any) -> Any:
    """Wrap an application in a server of the collected static files."""
    files = ServeStaticASGI(
        application,
        max_age=MAX_AGE,
        allow_all_origins=False,
        immutable_file_test=lambda _path, url: is_hashed(url),
        add_headers_function=_add_headers,
    )
    if Path(settings.STATIC_ROOT).is_dir():
        files.add_files(settings.STATIC_ROOT, prefix=settings.STATIC_URL)
    return files


def is_hashed(url: str) -> bool:
    """Whether a file's name has the hash of its content."""
    parts = url.rpartition("/")[2].split(".")
    return len(parts) > 2 and len(parts[-2]) == HASH_LENGTH


def _add_headers(headers: Any, path: str, url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
