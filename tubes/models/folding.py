"""Names as they are searched: folded by us, for databases differ. SQLite folds ASCII only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from django.db import models

from connectors.markup.sanitize import fold

Row = TypeVar("Row", bound=models.Model)


class FoldedName(models.TextField):  # type: ignore[type-arg]  # not generic at run time
    """The row's `name`, folded: whoever saves the row writes it along, and `FoldingQuerySet` does in bulk."""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        folded = fold(model_instance.name)  # type: ignore[attr-defined]  # its model has one
        setattr(model_instance, self.attname, folded)
        return folded


class FoldingQuerySet(models.QuerySet[Row]):
    """Of a model with a `name` and its `folded_name`: what writes the one writes the other."""

    def update(self, **changes: Any) -> int:
        if isinstance(name := changes.get("name"), str):  # of many rows, `bulk_update` has folded each
            changes["folded_name"] = fold(name)
        return super().update(**changes)

    def bulk_update(self, objs: Iterable[Row], fields: Iterable[str], batch_size: int | None = None) -> int:
        rows, names = list(objs), list(fields)
        if "name" in names:
            names.append("folded_name")
            for row in rows:
                row.folded_name = fold(row.name)  # type: ignore[attr-defined]
        return super().bulk_update(rows, names, batch_size)


def words_of(text: str, most: int = 8) -> list[str]:
    """The words to search by that somebody typed, folded; more than `most` narrow nothing further."""
    return fold(text).split()[:most]
