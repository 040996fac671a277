"""Images are pinned, containers are locked down; of Kubernetes, see test_kubernetes."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerting.app import STOP_SECONDS as SENDER_SECONDS
from gateway.app import DRAIN_SECONDS
from tests.architecture.arrows import OUTSIDE
from tests.architecture.sources import PODS, ROOT, compose, kubernetes, members, place, pod, services
from tests.architecture.test_kubernetes import ARROWS, BEYOND
from tests.e2e.manifests import megabytes
from vigie.catalogue import FAMILIES
from vigie.server import GRACE_SECONDS

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
    images = [pinned(image) for image in images]
    assert not [image for image in images if ":" not in image or image.endswith(":latest")]
    assert {image.split(":")[1] for image in images if image.startswith("vigie/")} == {VERSION}


def pinned(image: str) -> str:
    """The image that Compose takes when nobody says another version."""
    return image.replace("${VIGIE_VERSION:-", "").rstrip("}")


def compose_megabytes(quantity: str) -> int:
    """`384m` or `1g`, which Compose counts in powers of two."""
    return megabytes(quantity.replace("m", "Mi").replace("g", "Gi"))


def scratch_of(said: dict[str, Any]) -> list[str]:
    """The sizes of what a container may write to and forget."""
    return [size for mount in said["tmpfs"] for size in re.findall(r"^/tmp:size=(\w+),", mount)]


@pytest.mark.parametrize("name", COMPOSE)
def test_a_container_is_locked_down(name: str) -> None:
    service = compose()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] <= 256
    assert "mem_limit" in service


@pytest.mark.parametrize("name", [name for name in COMPOSE if compose()[name]["image"].startswith("vigie/")])
def test_a_service_is_given_the_time_that_its_own_end_may_take(name: str) -> None:
    slowest = GRACE_SECONDS + max(2 * DRAIN_SECONDS, SENDER_SECONDS)  # the gateway drains two logs
    assert slowest < int(compose()[name]["stop_grace_period"].removesuffix("s"))


def test_compose_and_kubernetes_run_the_same_images_by_the_same_names_in_as_much_memory() -> None:
    watching = [ROOT / "k8s" / "components" / "monitoring" / f"{name}.yaml" for name in ("prometheus", "grafana")]
    documents = [document for path in watching for document in yaml.safe_load_all(path.read_text("utf-8"))]
    in_pods = set()
    for found in [pod(document) for document in [*kubernetes(), *documents] if document["kind"] in PODS]:
        (container,) = found["containers"]
        scratch = [volume["emptyDir"]["sizeLimit"] for volume in found["volumes"] if volume["name"] == "tmp"] or [
            "64Mi"
        ]
        memory = container["resources"]["limits"]["memory"]
        in_pods.add((container["name"], container["image"], megabytes(memory), megabytes(*scratch)))
    assert in_pods == {
        (name, pinned(said["image"]), compose_megabytes(said["mem_limit"]), compose_megabytes(*scratch_of(said)))
        for name, said in compose().items()
    }


def test_compose_lets_a_container_reach_whom_the_arrows_name_and_few_besides() -> None:
    arrows = {(start, end) for start, end, _ in ARROWS | BEYOND["local"] if OUTSIDE not in (start, end)}
    networks = {name: set(said["networks"]) for name, said in compose().items() if "profiles" not in said}
    reached = {
        (one, other) for one in networks for other in networks if one != other and networks[one] & networks[other]
    }
    assert arrows <= reached
    beside = {frozenset(pair) for pair in reached} - {frozenset(arrow) for arrow in arrows}
    predictors = {family.service for family in FAMILIES}
    assert all(pair <= predictors | {"training"} or pair == {"feedback", "alerting"} for pair in beside), beside


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
