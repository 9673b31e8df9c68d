"""Limited: the columns that bound where calls may come from and how many there may be."""

from collections.abc import Iterable

from django.db import models

from accounts.bounds import Limits, Measure


class Limited(models.Model):
    """Base of keys and chatflows. The gate's one statement reads these columns with the row."""

    # Texts as `accounts.network.origins` and `addresses.network` spell them; empty: from anywhere.
    networks = models.JSONField(default=list, blank=True)
    origins = models.JSONField(default=list, blank=True)
    limit_minute = models.PositiveIntegerField(null=True, blank=True)
    limit_streams = models.PositiveIntegerField(null=True, blank=True)
    limit_day = models.PositiveIntegerField(null=True, blank=True)
    limit_month = models.PositiveIntegerField(null=True, blank=True)
    limit_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    limit_budget = models.PositiveBigIntegerField(null=True, blank=True)  # nanos: see bounds

    class Meta:
        abstract = True

    @property
    def limits(self) -> Limits:
        """The row's limits."""
        return Limits(*[getattr(self, name) for name in LIMIT_COLUMNS])

    @limits.setter
    def limits(self, limits: Limits) -> None:
        for name, limit in zip(LIMIT_COLUMNS, limits, strict=True):
            setattr(self, name, limit)


LIMIT_COLUMNS = tuple(f"limit_{measure}" for measure in Measure)


def limits_are_positive(
    name: str, columns: Iterable[str] = LIMIT_COLUMNS
) -> models.CheckConstraint:
    """Return a constraint that no limit is zero: zero could be read as "no limit"."""
    condition = models.Q()
    for column in columns:
        condition &= models.Q(**{column: None}) | models.Q(**{f"{column}__gt": 0})
    return models.CheckConstraint(condition=condition, name=name)


def few_have_monthly_limits(name: str) -> list[models.Index]:
    """Return indexes of the rows with a limit of tokens or a budget: the worker looks for them."""
    return [
        models.Index(
            fields=[f"limit_{measure}"],
            condition=models.Q(**{f"limit_{measure}__gt": 0}),
            name=f"{name}_by_{measure}",
        )
        for measure in (Measure.TOKENS, Measure.BUDGET)
    ]
