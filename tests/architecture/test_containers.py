"""Images are pinned, containers are locked down, in Compose and in Kubernetes."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.architecture.sources import ROOT, compose, kubernetes, manifests, members, place, services
from vigie.catalogue import FAMILIES

BASE = "python:3.11-slim-bookworm"
VERSION = members()[0].declared()["project"]["version"]
DOCKERFILES = [member.folder / "Dockerfile" for member in [*services(), members()[1]]]
COMPOSE = sorted(compose())
PODS = ("Deployment", "StatefulSet", "Job")


def pods() -> list[dict[str, Any]]:
    """Every pod specification."""
    return [document["spec"]["template"]["spec"] for document in kubernetes() if document["kind"] in PODS]


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
    images += [pod["containers"][0]["image"] for pod in pods()]
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
    text = "".join((ROOT / name).read_text("utf-8") for name in ("docker-compose.yml", "docker-compose.predictors.yml"))
    example = (ROOT / ".env.example").read_text("utf-8")
    named = set(re.findall(r"^#?([A-Z_]+)=", example, re.M)) | {
        f"PREDICTOR_{family.name.upper()}_PORT" for family in FAMILIES
    }
    assert set(re.findall(r"\$\{([A-Z_]+)", text)) == named


def test_kubernetes_objects_are_valid() -> None:
    for document in kubernetes():
        kubernetes_validate.validate(document, "1.31", strict=True)


def test_every_file_of_a_folder_is_in_its_kustomization() -> None:
    for path in manifests():
        kustomization = yaml.safe_load((path.parent / "kustomization.yaml").read_text("utf-8"))
        assert path.name in kustomization["resources"], f"{place(path)} is in no kustomization"


def test_every_pod_has_limits_and_every_server_has_probes() -> None:
    for pod in pods():
        (container,) = pod["containers"]
        assert {"requests", "limits"} <= set(container["resources"]), container["name"]
        assert pod.get("restartPolicy") == "OnFailure" or {"livenessProbe", "readinessProbe"} <= set(container)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kustomize comes with kubectl")
@pytest.mark.parametrize("folder", ["k8s/base", "k8s/overlays/local"])
def test_kustomize_locks_every_pod_down(folder: str) -> None:
    out = subprocess.run(["kubectl", "kustomize", ROOT / folder], check=True, capture_output=True, text=True).stdout
    documents = list(yaml.safe_load_all(out))
    for document in documents:
        kubernetes_validate.validate(document, "1.31", strict=True)
    for pod in [document["spec"]["template"]["spec"] for document in documents if document["kind"] in PODS]:
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
