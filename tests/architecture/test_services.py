"""Every service has the same shape, and every list of services is the same list."""

import ast
import importlib
import re
from inspect import isclass
from typing import Any, TypeGuard

import pytest
import yaml

from tests.architecture.sources import ROOT, Member, compose, functions, kubernetes, place, pod, services, tree
from vigie.catalogue import FAMILIES
from vigie.settings import MINIMUM_SECRET_LENGTH, ServiceSettings
from vigie_training.settings import TrainingSettings

SERVICES = services()
NAMES = {service.name for service in SERVICES}
NOT_OURS = {"redis", "mailpit"}
MONITORING = {"prometheus", "grafana"}
JOBS = {"training"}
RENAMED = {"REDIS_PASSWORD", "MLFLOW_PASSWORD", "UI_GATEWAY_API_KEY"}  # parts of URLs, and the page's GATEWAY_API_KEY
FACTORIES = {"mlflow": "server_command"}  # it becomes a program that somebody else wrote: no application of ours
FILES = ("README.md", "Dockerfile", "pyproject.toml")
MODULES = ("__init__.py", "__main__.py", "app.py", "settings.py", "py.typed")


def settings_of(service: Member) -> type[ServiceSettings]:
    """The class that reads a service's variables."""
    module = importlib.import_module(f"{service.package}.settings")
    found = [value for value in vars(module).values() if is_settings(value) and value.__name__ not in SHARED_CLASSES]
    assert len(found) == 1, f"{service.package}.settings: expected one ServiceSettings, got {found}"
    return found[0]


def is_settings(value: object) -> TypeGuard[type[ServiceSettings]]:
    """Whether this is a class of settings."""
    return isclass(value) and issubclass(value, ServiceSettings)


SHARED_CLASSES = {"ServiceSettings", "TracedSettings", "PredictorSettings"}


def variables(service: Member) -> set[str]:
    """Names of the variables that a service reads."""
    names = {name.upper() for name in settings_of(service).model_fields}
    if service.name == "gateway":
        return names | {"PREDICTOR_<NAME>_PORT"}
    return names | {f"PREDICTOR_{family.name.upper()}_PORT" for family in FAMILIES if family.service == service.name}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_service_has_the_shape_of_all_services(service: Member) -> None:
    missing = [name for name in FILES if not (service.folder / name).is_file()]
    missing += [f"src/{service.package}/{name}" for name in MODULES if not (service.source / name).is_file()]
    assert not missing, f"{place(service.folder)} lacks {', '.join(missing)}"
    assert service.declared()["project"]["name"] == f"vigie-{service.name}"
    assert FACTORIES.get(service.name, "create_app") in {f.name for f in functions(service.source / "app.py")}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_factories_and_routes_hold_no_rules(service: Member) -> None:
    found = [
        f"{place(module)}:{node.lineno}"
        for name in ("app.py", "routes.py")
        if (module := service.source / name).exists()
        for node in ast.walk(tree(module))
        if isinstance(node, ast.If | ast.Match) and not is_type_checking(node)
    ]
    assert len(found) <= 2, f"factories wire, routes translate, plain functions decide: {found}"


def is_type_checking(node: ast.AST) -> bool:
    """Whether this is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def test_every_family_of_the_catalogue_has_its_parts_and_nothing_else_has() -> None:
    wanted = {family.service for family in FAMILIES}
    assert wanted == {name for name in NAMES if name.startswith("predictor-")}, "services/ and vigie.catalogue disagree"
    recipes = ROOT / "training" / "src" / "vigie_training" / "recipes"
    lacking = [family.name for family in FAMILIES if not (recipes / f"{family.name}.py").exists()]
    assert not lacking, f"no recipe in training for {lacking}"


def test_compose_and_the_folders_name_the_same_services() -> None:
    assert set(compose()) == NAMES | JOBS | NOT_OURS | MONITORING


def test_kubernetes_and_the_folders_name_the_same_services() -> None:
    def named(kind: str) -> set[str]:
        return {document["metadata"]["name"] for document in kubernetes() if document["kind"] == kind}

    assert named("Deployment") == NAMES | NOT_OURS - {"redis"}
    assert named("Service") == NAMES | NOT_OURS
    assert named("ServiceAccount") == NAMES | JOBS | NOT_OURS


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_the_readme_lists_exactly_the_variables_that_the_service_reads(service: Member) -> None:
    assert documented(service, "Variables") == variables(service)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_the_readme_is_one_page_with_endpoints_and_a_way_to_run_alone(service: Member) -> None:
    text = (service.folder / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 120
    assert "## Endpoints" in text
    assert f"python -m {service.package}" in text


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_compose_sets_only_variables_that_the_service_reads(service: Member) -> None:
    given = {name for name in compose()[service.name].get("environment", {}) if name != "<<"}
    assert given - variables(service) == set()


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_production_refuses_what_compose_does_without_being_told_more(
    service: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in compose()[service.name]["environment"].items():
        monkeypatch.setenv(name, filled(value, {"VIGIE_ENV": "production"}))
    with pytest.raises(SystemExit, match="in production"):
        settings_of(service).read()


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_production_starts_with_strong_secrets(service: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    strong = "s" * MINIMUM_SECRET_LENGTH
    given = dict.fromkeys(("RECEIPT_SECRET", "REDIS_PASSWORD", "MLFLOW_PASSWORD", "GATEWAY_API_KEY"), strong)
    given |= {"VIGIE_ENV": "production", "SMTP_SECURITY": "tls", "GATEWAY_API_KEYS": f"web:{'a' * 64}:predict"}
    for name, value in compose()[service.name]["environment"].items():
        monkeypatch.setenv(name, filled(value, given))
    assert settings_of(service).read().vigie_env == "production"


def filled(value: str, given: dict[str, str]) -> str:
    """What Compose makes of `${NAME:-default}`, one inside the other too."""
    while (found := re.search(r"\$\{(\w+):-([^${}]*)\}", value)) is not None:
        value = value.replace(found[0], given.get(found[1]) or found[2])
    return value


def test_kubernetes_sets_only_variables_that_a_service_or_the_training_job_reads() -> None:
    known = set().union(*(variables(service) for service in SERVICES))
    known |= {name.upper() for name in TrainingSettings.model_fields}
    given = {
        item["name"]
        for document in kubernetes()
        if document["kind"] == "Deployment"
        for item in unreferenced(pod(document)["containers"][0].get("env", []))
    }
    assert given - known == set()
    assert {item.split("=")[0] for item in literals("configMapGenerator")} - known == set()
    assert {item.split("=")[0] for item in literals("secretGenerator")} - known == RENAMED


def unreferenced(env: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entries that no other entry is made of, `$(NAME)`."""
    used = {name for item in env for name in re.findall(r"\$\((\w+)\)", str(item.get("value", "")))}
    return [item for item in env if item["name"] not in used]


def literals(kind: str) -> list[str]:
    """`NAME=value` of every generated ConfigMap or Secret."""
    found: list[str] = []
    for path in (ROOT / "k8s").rglob("kustomization.yaml"):
        document: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
        for generator in document.get(kind, []):
            found += generator.get("literals", [])
    return found


def documented(service: Member, section: str) -> set[str]:
    """Names in the first column of the table under that heading of a service's README."""
    text = (service.folder / "README.md").read_text("utf-8")
    body = text.partition(f"## {section}\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in body.splitlines() if line.startswith("|")]
    return {name for cell in cells for name in re.findall(r"`([A-Z0-9_<>]+)`", cell)}
