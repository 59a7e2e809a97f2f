"""Alert rules, runbooks and the dashboard: all is Prometheus' language, every metric and page is there."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import promql_parser
import pytest
import yaml
from django.core.management import get_commands, load_command_class

from monitor import collectors
from tests import factories
from tests.standalone.conftest import ROOT

DOCS = ROOT / "docs"
RUNBOOKS = DOCS / "runbooks"
PARTS = ["What it means", "What people notice", "First look", "What to do", "Over when"]
# What Grafana puts in the place of its variables.
VARIABLES = {"$connector": ".*", "$__rate_interval": "5m"}
NAMED = re.compile(r"\bsameroom_\w+")
NO_METRICS = {"sameroom_runbooks"}

DASHBOARD: dict[str, Any] = json.loads((DOCS / "grafana.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
[GROUP] = yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"]
RULES: dict[str, dict[str, Any]] = {rule["alert"]: rule for rule in GROUP["rules"]}


def drawn() -> Iterator[tuple[str, str]]:
    """Each expression of the dashboard, with its panel's title."""
    for panel in PANELS:
        for target in panel["targets"]:
            expression = target["expr"]
            for variable, value in VARIABLES.items():
                expression = expression.replace(variable, value)
            assert "$" not in expression, panel["title"]
            yield panel["title"], expression


EXPRESSIONS = [*((name, rule["expr"]) for name, rule in RULES.items()), *drawn()]


@pytest.fixture
def labels(transactional_db: None) -> dict[str, set[str]]:
    """What `/metrics` shows: sample by sample, with the labels it has."""
    factories.seat()  # an account that reads, so that there is a budget
    found = list(collectors.Everything().collect())
    return {sample.name: set(sample.labels) for family in found for sample in family.samples}


def selectors(expression: str) -> list[Any]:
    """The metrics that an expression asks for. ValueError where Prometheus would refuse it."""
    found: list[Any] = []

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def test_parser_knows_what_prometheus_refuses() -> None:
    with pytest.raises(ValueError, match="expected type matrix"):
        selectors("rate(sameroom_events_in_total)")


@pytest.mark.parametrize(("name", "expression"), EXPRESSIONS, ids=[name for name, _ in EXPRESSIONS])
def test_expression_asks_for_what_there_is(name: str, expression: str, labels: dict[str, set[str]]) -> None:
    asked = selectors(expression)

    assert asked != []
    for selector in asked:
        assert selector.name in labels
        assert {matcher.name for matcher in selector.matchers.matchers} <= labels[selector.name]
    grouped = {
        label.strip() for by in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression) for label in by.split(",")
    }
    assert grouped <= set().union(*(labels[selector.name] for selector in asked))


def test_every_metric_is_on_the_dashboard(labels: dict[str, set[str]]) -> None:
    families = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in labels}
    shown = {selector.name for _, expression in drawn() for selector in selectors(expression)}
    shown = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in shown}

    assert shown == families


def test_panels_say_what_they_show_and_stand_beside_each_other() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    for panel in PANELS:
        assert panel["description"].endswith((".", ".md."))
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for one, other in combinations((panel["gridPos"] for panel in DASHBOARD["panels"]), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in DASHBOARD["panels"])


def test_names_in_legends_are_labels(labels: dict[str, set[str]]) -> None:
    for panel in PANELS:
        for target in panel["targets"]:
            known = set().union(*(labels[name] for name in NAMED.findall(target["expr"])))
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= known, panel["title"]


def test_variable_asks_for_a_label_that_there_is(labels: dict[str, set[str]]) -> None:
    [asked] = [one["definition"] for one in DASHBOARD["templating"]["list"] if one["name"] == "connector"]
    metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", asked).groups()  # type: ignore[union-attr]

    assert label in labels[metric]


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    assert sorted(path.name for path in RUNBOOKS.iterdir()) == sorted(f"{name}.md" for name in RULES)


@pytest.mark.parametrize("name", RULES)
def test_alert_links_to_its_page(name: str) -> None:
    where = RULES[name]["annotations"]["runbook_url"]

    assert where == "{{ $externalLabels.sameroom_runbooks }}" + f"{name}.md"


@pytest.mark.parametrize("name", RULES)
def test_page_says_everything_and_names_what_there_is(name: str, labels: dict[str, set[str]]) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text()
    title, *parts = re.split(r"^## ", text, flags=re.MULTILINE)

    assert title == f"# {name}\n\n"
    assert [part.split("\n")[0] for part in parts] == PARTS
    assert all(len(part.split("\n\n", 1)[1].strip()) > 10 for part in parts)
    assert set(NAMED.findall(text)) <= labels.keys()
    for command in re.findall(r"manage\.py (\w+)", text):
        assert list(ROOT.glob(f"*/management/commands/{command}.py")), command
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (RUNBOOKS / link).exists(), link


def quoted() -> Iterator[str]:
    """Every command that these pages tell an operator to run: in backquotes, or a line of its own."""
    for path in [*RUNBOOKS.iterdir(), DOCS / "operating.md"]:
        text = path.read_text()
        for command in re.findall(
            r"`([^`\n]+)`|^(?:    )?((?:\S+/python )?manage\.py .+|docker compose .+)$", text, re.M
        ):
            yield next(filter(None, command)).split("  #")[0].split(" | ")[0].strip()


def test_commands_that_are_told_take_what_they_are_given() -> None:
    told = [command.partition("manage.py ")[2] for command in quoted() if "manage.py " in command]

    for words in map(str.split, told):
        command = load_command_class(get_commands()[words[0]], words[0])
        parser = command.create_parser("manage.py", words[0])
        parser.parse_args(["1" if word.isupper() else word for word in words[1:]])
    assert len(told) > 10


def test_services_that_are_told_are_those_of_the_compose_file() -> None:
    services = set(yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"])
    told = [command for command in quoted() if command.startswith("docker compose ")]

    for command in told:
        act, *rest = [
            word for word in command.split()[2:] if not word.startswith("-") and not word.isdecimal()
        ]
        assert act in ("exec", "logs", "ps", "restart", "up", "run", "stop"), command
        assert not rest or rest[0] in services, command
    assert len(told) > 5


def test_named_variables_are_explained() -> None:
    known = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    text = "".join(path.read_text() for path in RUNBOOKS.iterdir())

    named = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", text))

    assert named <= known


def test_operating_tells_how_alerts_find_their_pages() -> None:
    assert set(NAMED.findall((DOCS / "operating.md").read_text())) >= NO_METRICS
