"""The tree as data: members, modules, what they import, what they declare."""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Member:
    """One installable part of the tree. `package` is its import name."""

    folder: Path
    package: str

    @property
    def name(self) -> str:
        """`gateway` for services/gateway."""
        return self.folder.name

    @property
    def source(self) -> Path:
        """The folder of the package."""
        return self.folder / "src" / self.package

    def modules(self) -> list[Path]:
        """Every Python file of the package."""
        return sorted(self.source.rglob("*.py"))

    def declared(self) -> dict[str, Any]:
        """Its pyproject.toml."""
        return tomllib.loads((self.folder / "pyproject.toml").read_text("utf-8"))


def services() -> list[Member]:
    """Every folder in services/."""
    return [_member(folder) for folder in sorted((ROOT / "services").iterdir()) if folder.is_dir()]


def members() -> list[Member]:
    """Every installable part."""
    return [_member(ROOT / "shared"), _member(ROOT / "training"), *services()]


def all_modules() -> list[Path]:
    """Every Python file that is not a test."""
    return [module for member in members() for module in member.modules()]


@cache
def tree(module: Path) -> ast.Module:
    """The parsed module."""
    return ast.parse(module.read_text("utf-8"), str(module))


def imports(module: Path) -> set[str]:
    """Absolute names that a module imports, at any depth: `a.b` for `import a.b` and for `from a.b import c`."""
    found: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return found


def roots(module: Path) -> set[str]:
    """Top-level names of what a module imports."""
    return {name.split(".")[0] for name in imports(module)}


def functions(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a module."""
    return (node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def place(path: Path) -> str:
    """The path as people write it."""
    return str(path.relative_to(ROOT))


PODS = ("Deployment", "StatefulSet", "Job", "CronJob")


def pod(document: dict[str, Any]) -> dict[str, Any]:
    """The pod specification of a workload."""
    spec = document["spec"]["jobTemplate"]["spec"] if document["kind"] == "CronJob" else document["spec"]
    found: dict[str, Any] = spec["template"]["spec"]
    return found


def compose() -> dict[str, Any]:
    """Every Compose service, the included ones too."""
    main = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    services: dict[str, Any] = dict(main["services"])
    for included in main["include"]:
        services |= yaml.safe_load((ROOT / included).read_text("utf-8"))["services"]
    return services


def kubernetes() -> list[dict[str, Any]]:
    """Every Kubernetes object as it is written, before kustomize patches it."""
    return [document for path in manifests() for document in yaml.safe_load_all(path.read_text("utf-8"))]


def manifests() -> list[Path]:
    """The files that hold Kubernetes objects."""
    found = [*(ROOT / "k8s" / "base").glob("*.yaml"), *(ROOT / "k8s" / "overlays").rglob("*.yaml")]
    return sorted(path for path in found if path.name != "kustomization.yaml")


def _member(folder: Path) -> Member:
    packages = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]
    match = re.fullmatch(r"src/(\w+)", packages["wheel"]["packages"][0])
    assert match, f"{place(folder)}/pyproject.toml: expected one package src/<name>"
    return Member(folder, match[1])
