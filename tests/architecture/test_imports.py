"""Imports point down only, and every import is declared by the part that makes it."""

import re
import sys
from importlib.metadata import packages_distributions

import pytest

from tests.architecture.sources import Member, imports, members, place, roots

PACKAGES = {member.package for member in members()}
DISTRIBUTIONS = packages_distributions()
# What a declared library is built on and hands out as its own.
PART_OF = {
    "starlette": "fastapi",
    "anyio": "fastapi",
    "pydantic-core": "pydantic",
    "yarl": "aiohttp",
    "py4j": "pyspark",
}
CAN_RUN_CODE = {"pickle", "cPickle", "joblib", "cloudpickle", "dill", "marshal", "shelve"}


def each_member() -> list[Member]:
    """All members, for parametrised tests."""
    return members()


@pytest.mark.parametrize("member", each_member(), ids=lambda member: member.name)
def test_a_part_imports_itself_and_the_shared_library_only(member: Member) -> None:
    allowed = {member.package, "vigie"}
    wrong = {place(module): bad for module in member.modules() if (bad := (roots(module) & PACKAGES) - allowed)}
    assert not wrong, f"imports that point sideways or up: {wrong}"


def test_nothing_imports_relatively_or_from_the_tests() -> None:
    wrong = [
        f"{place(module)}: {name}"
        for member in members()
        for module in member.modules()
        for name in imports(module)
        if name.startswith(".") or name.split(".")[0] in ("tests", "shared")
    ]
    assert not wrong


@pytest.mark.parametrize("member", each_member(), ids=lambda member: member.name)
def test_what_a_part_imports_is_in_its_own_declaration(member: Member) -> None:
    declared = declared_distributions(member)
    wrong = [
        f"{place(module)} imports {name}"
        for module in member.modules()
        for name in sorted(roots(module) - PACKAGES - sys.stdlib_module_names - {""})
        if not {PART_OF.get(found, found) for found in map(normal, DISTRIBUTIONS.get(name, []))} & declared
    ]
    assert not wrong, f"declare it in {place(member.folder)}/pyproject.toml, or do without: {wrong}"


def test_the_core_of_the_shared_library_is_light() -> None:
    shared = members()[0]
    assert set(map(distribution_name, shared.declared()["project"]["dependencies"])) == {
        "pydantic",
        "pydantic-settings",
    }


@pytest.mark.parametrize(
    "member", [member for member in each_member() if member.name != "training"], ids=lambda member: member.name
)
def test_nothing_that_serves_can_unpickle(member: Member) -> None:
    wrong = [place(module) for module in member.modules() if roots(module) & CAN_RUN_CODE]
    wrong += [place(module) for module in member.modules() if "allow_pickle=True" in module.read_text("utf-8")]
    assert not wrong


def declared_distributions(member: Member) -> set[str]:
    """Distributions that a member asks for, with its own extras and those of the shared library that it names."""
    shared = members()[0].declared()["project"]
    offered: dict[str, list[str]] = shared["optional-dependencies"]
    mine = member.declared()["project"]
    wanted = [*mine["dependencies"], *shared["dependencies"]]
    wanted += [requirement for extra in mine.get("optional-dependencies", {}).values() for requirement in extra]
    found: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        found.add(distribution_name(requirement))
        if distribution_name(requirement) == "vigie-shared" and (extras := re.search(r"\[(.*)\]", requirement)):
            wanted += [inner for extra in extras[1].split(",") for inner in offered[extra.strip()]]
    return found


def distribution_name(requirement: str) -> str:
    """`psycopg` for `psycopg[binary]>=3.2`."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return normal(match[0])


def normal(name: str) -> str:
    """A distribution's name as PEP 503 normalises it."""
    return re.sub(r"[-_.]+", "-", name).lower()
