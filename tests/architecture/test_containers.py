"""Images are pinned, containers are locked down; of Kubernetes, see test_kubernetes."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.sources import PODS, ROOT, compose, kubernetes, members, place, pod, services
from vigie.catalogue import FAMILIES

BASE = "python:3.11-slim-bookworm"
VERSION = members()[0].declared()["project"]["version"]
DOCKERFILES = [member.folder / "Dockerfile" for member in [*services(), members()[1]]]
COMPOSE = sorted(compose())


def pods() -> list[dict[str, Any]]:
    """Every pod specification."""
    return [pod(document) for document in kubernetes() if document["kind"] in PODS]


@pytest.mark.parametrize("path", DOCKERFILES, ids=place)
def test_an_image_is_built_in_two_stages_from_the_pinned_base_for_a_user_without_rights(path: Path) -> None:
    text = path.read_text("utf-8")
    assert re.findall(r"^FROM (\S+)", text, re.M) == [BASE, BASE]
    assert re.findall(r"^USER (.*)$", text, re.M) == ["10001:10001"]
    assert "-c constraints.txt" in text
    assert all(command.startswith("[") for command in re.findall(r"^(?:CMD|ENTRYPOINT) (.*)$", text, re.M))


@pytest.mark.parametrize("path", DOCKERFILES, ids=place)
def test_an_image_holds_the_shared_library_and_its_own_folder_only(path: Path) -> None:
    copied = set(re.findall(r"^COPY (?!--from)(\S+) \S+$", path.read_text("utf-8"), re.M))
    own = place(path.parent)
    assert copied == {"constraints.txt", "shared/pyproject.toml", f"{own}/pyproject.toml", "shared", own}


def test_every_image_has_a_version_and_ours_have_the_same() -> None:
    images = [service["image"] for service in compose().values()]
    images += [found["containers"][0]["image"] for found in pods()]
    images = [image.replace("${VIGIE_VERSION:-", "").rstrip("}") for image in images]
    assert not [image for image in images if ":" not in image or image.endswith(":latest")]
    assert {image.split(":")[1] for image in images if image.startswith("vigie/")} == {VERSION}


@pytest.mark.parametrize("name", COMPOSE)
def test_a_container_is_locked_down(name: str) -> None:
    service = compose()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] <= 256
    assert "mem_limit" in service


@pytest.mark.parametrize("name", COMPOSE)
def test_ports_are_published_on_loopback_only(name: str) -> None:
    assert all(str(port).startswith("127.0.0.1:") for port in compose()[name].get("ports", []))


def test_the_example_of_an_environment_file_names_every_variable_of_compose() -> None:
    text = "".join(
        (ROOT / name).read_text("utf-8")
        for name in ("docker-compose.yml", "docker-compose.predictors.yml", "docker-compose.monitoring.yml")
    )
    example = (ROOT / ".env.example").read_text("utf-8")
    named = set(re.findall(r"^#?([A-Z_]+)=", example, re.M)) | {
        f"PREDICTOR_{family.name.upper()}_PORT" for family in FAMILIES
    }
    assert set(re.findall(r"\$\{([A-Z_]+)", text)) == named
