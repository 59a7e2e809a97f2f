"""What the relay's counters have counted, kept over restarts: one row for about each minute."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Watch(models.Model):
    """What was counted between two looks at the counters. Rows follow each other without a gap.

    Counters are named as `monitor.store` names them: a name and its labels, joined by "|".
    """

    since = models.DateTimeField()
    until = models.DateTimeField()
    counts = models.JSONField(
        default=dict, help_text="How much each counter grew; those that did not are absent."
    )
    # Where the counters stood at the end, for the next look to compare with; only the newest row needs it.
    totals = models.JSONField(null=True)
    is_newest = models.BooleanField(default=True)

    class Meta:
        verbose_name = "watch"
        verbose_name_plural = "relay monitor"
        default_permissions = ()
        permissions = (("view_monitor", "Can see the relay monitor"),)
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # Of two looks at one moment the second finds that it is not needed.
            models.UniqueConstraint(
                fields=["is_newest"], condition=models.Q(is_newest=True), name="one_newest_watch"
            )
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["until"], name="watches_by_time")]

    def __str__(self) -> str:
        return f"{self.since:%Y-%m-%d %H:%M} to {self.until:%H:%M}"
