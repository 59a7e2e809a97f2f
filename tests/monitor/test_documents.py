"""What docs/operating.md and docs/alerts.yml name is what `/metrics` shows and the logs write."""

import logging
import re
from typing import Any

import pytest
import yaml

from monitor import collectors, logs
from tests import factories
from tests.standalone.conftest import ROOT

OPERATING = (ROOT / "docs" / "operating.md").read_text()
ROW = re.compile(r"^\| `(sameroom_\w+)` \| (\w+) \| ([\w, ]*?) ?\|", re.MULTILINE)
NAME = re.compile(r"\bsameroom_\w+")


@pytest.fixture
def families(transactional_db: None) -> list[Any]:
    factories.seat()  # an account that reads, so that there is a budget
    return list(collectors.current.collect())


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load((ROOT / "docs" / "alerts.yml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def test_every_metric_is_explained_with_its_type_and_labels(families: list[Any]) -> None:
    shown = {
        family.name: (
            family.type,
            sorted({label for sample in family.samples for label in sample.labels} - {"le"}),
        )
        for family in families
    }

    explained = {
        name: (kind, sorted(filter(None, labels.split(", "))))
        for name, kind, labels in ROW.findall(OPERATING)
    }

    assert explained == shown


def test_alerts_name_metrics_and_labels_that_exist(families: list[Any]) -> None:
    labels = {sample.name: set(sample.labels) for family in families for sample in family.samples}

    for rule in rules():
        named = NAME.findall(rule["expr"])
        assert named != []
        assert set(named) <= labels.keys(), rule["alert"]
        known = set.intersection(*(labels[name] for name in named))
        assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= known, rule["alert"]
        for name, chosen in re.findall(r"(\w+)\{(\w+)=", rule["expr"]):
            assert chosen in labels[name], rule["alert"]


def test_alerts_have_the_shape_of_rules() -> None:
    assert len({rule["alert"] for rule in rules()}) == len(rules())
    for rule in rules():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("page", "warning", "info")
        assert re.fullmatch(r"\d+[smhd]", rule.get("for", "1m"))
        assert rule["expr"].count("(") == rule["expr"].count(")")


def test_every_field_of_a_log_record_is_explained() -> None:
    table = OPERATING.split("## Logs")[1]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)

    explained = {name for row in rows for name in re.findall(r"`(\w+)`", row)}

    assert explained == {*logs.OWN_FIELDS.values(), *logs.FIELDS, "exception", "stack_info"}
    assert logging.getLogger().handlers != []
