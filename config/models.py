"""What the installation remembers about itself."""

from django.db import models


class ServedVersion(models.Model):
    """A version of Flowlatch that has prepared this database."""

    version = models.CharField(max_length=40, primary_key=True)
    first_started_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.version
