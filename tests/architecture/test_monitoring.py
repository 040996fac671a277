"""What is measured, what is told about it, and what is asked of it are the same."""

import importlib
import json
import re
from typing import Any

import yaml
from prometheus_client import REGISTRY

from tests.architecture.sources import ROOT, all_modules, members, roots

FOLDER = ROOT / "k8s" / "components" / "monitoring"
# Units, and counters and gauges of what has none: states, scopes.
UNITS = ("_seconds", "_total", "_texts", "_info", "_up", "_waiting", "_pending", "_lag", "_deliveries", "_scopes")
PARTS = re.compile(r"_(bucket|sum|count|created)$")


def measured() -> set[str]:
    """Names of our metrics, as they are registered when the modules that define them are imported."""
    for member in members():
        for module in member.modules():
            if "prometheus_client" in roots(module):
                name = ".".join(module.relative_to(member.folder / "src").with_suffix("").parts)
                importlib.import_module(name)
    names = {metric.name + ("_total" if metric.type == "counter" else "") for metric in REGISTRY.collect()}
    return {name for name in names if name.startswith("vigie_")}


def asked(text: str) -> set[str]:
    """Names of metrics in queries."""
    return {PARTS.sub("", name) for name in re.findall(r"\bvigie_[a-z_]+", text)}


def queries() -> dict[str, str]:
    """Everything that asks, by file."""
    dashboard = json.loads((FOLDER / "vigie.json").read_text("utf-8"))
    panels = " ".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    rules: Any = yaml.safe_load((FOLDER / "rules.yml").read_text("utf-8"))["groups"][0]["rules"]
    scaled = (ROOT / "k8s" / "components" / "keda" / "scaled-objects.yaml").read_text("utf-8")
    return {"dashboard": panels, "rules": " ".join(rule["expr"] for rule in rules), "autoscaling": scaled}


def test_the_table_lists_every_metric_and_no_other() -> None:
    table = (FOLDER / "README.md").read_text("utf-8").partition("| metric |")[2]
    first_cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    assert {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)} == measured()


def test_names_end_with_what_they_count() -> None:
    assert not [name for name in measured() if not name.endswith(UNITS)]


def test_only_what_is_measured_is_asked_for() -> None:
    known = measured()
    for place, text in queries().items():
        assert asked(text), place
        assert asked(text) <= known, place


def test_what_is_measured_is_measured_at_import_and_nowhere_twice() -> None:
    definitions = [
        name
        for module in all_modules()
        for name in re.findall(r'(?:Counter|Gauge|Histogram)\(\s*"(vigie_\w+)"', module.read_text("utf-8"))
    ]
    assert sorted(definitions) == sorted(set(definitions))


def test_every_rule_is_tried_both_silent_and_firing() -> None:
    rules = {rule["alert"] for rule in yaml.safe_load((FOLDER / "rules.yml").read_text("utf-8"))["groups"][0]["rules"]}
    tried = [
        case
        for test in yaml.safe_load((FOLDER / "rules_test.yml").read_text("utf-8"))["tests"]
        for case in test["alert_rule_test"]
    ]
    assert {case["alertname"] for case in tried if case["exp_alerts"]} == rules
