"""What every workload of the cluster has: as the files are written and, with kubectl, as kustomize renders them."""

import re
import shutil
import subprocess
import tempfile
from functools import cache
from os.path import relpath
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.architecture.arrows import OUTSIDE, Arrow, allowed, one_sided
from tests.architecture.sources import PODS, ROOT, compose, kubernetes, manifests, place, pod
from tests.e2e.manifests import megabytes
from vigie.catalogue import FAMILIES

VERSIONS = re.findall(
    r"`(1\.\d+)`", (ROOT / "k8s" / "README.md").read_text("utf-8").partition("Kubernetes versions")[2]
)
PREDICTORS = {family.service for family in FAMILIES}
WATCHED = "ec2+monitoring+keda+tracing"
OVERLAYS = [*sorted(path.name for path in (ROOT / "k8s" / "overlays").iterdir()), WATCHED]
NOT_KUBERNETES_OWN = {"ScaledObject"}
ARROWS: set[Arrow] = {
    (OUTSIDE, "gateway", 8000),
    (OUTSIDE, "ui", 7860),
    ("ui", "gateway", 8000),
    *(("gateway", predictor, 8080) for predictor in PREDICTORS),
    *((predictor, "mlflow", 5000) for predictor in PREDICTORS),
    ("gateway", "feedback", 8010),
    ("gateway", "alerting", 8020),
    *((service, "redis", 6379) for service in ("gateway", "feedback", "alerting")),
    ("training", "mlflow", 5000),
    ("training", "feedback", 8010),
}
BEYOND: dict[str, set[Arrow]] = {
    "local": {("alerting", "mailpit", 1025)},
    "ec2": {
        *(("alerting", OUTSIDE, port) for port in (465, 587)),
        *((service, OUTSIDE, 5432) for service in ("feedback", "alerting", "mlflow")),
        *(("mlflow", OUTSIDE, port) for port in (80, 443)),
    },
}
BEYOND[WATCHED] = BEYOND["ec2"] | {
    ("grafana", "prometheus", 9090),
    (OUTSIDE, "prometheus", 9090),  # KEDA, from its namespace
    *(("prometheus", predictor, 8080) for predictor in PREDICTORS),
    *(("prometheus", name, port) for name, port in (("gateway", 8000), ("feedback", 8010), ("alerting", 8020))),
    *((name, OUTSIDE, 4318) for name in ("gateway", "feedback", "alerting", *PREDICTORS)),
}
MACHINE = (4_000, 15_000)  # an m7i.xlarge in thousandths of a CPU and MiB, without what the kernel keeps
SYSTEM = (600, 1_200)  # k3s with CoreDNS, metrics, Traefik and the EBS driver: what their charts request, rounded up
NEEDS_KUBECTL = pytest.mark.skipif(not shutil.which("kubectl"), reason="kustomize comes with kubectl")

Document = dict[str, Any]


@cache
def rendered(overlay: str) -> list[Document]:
    """What `kubectl apply -k` would send; `+monitoring` behind the name adds that component."""
    name, *components = overlay.split("+")
    with tempfile.TemporaryDirectory() as folder:
        kustomization = {
            "namespace": "vigie",
            "resources": [relpath(ROOT / "k8s" / "overlays" / name, folder)],
            "components": [relpath(ROOT / "k8s" / "components" / component, folder) for component in components],
        }
        (Path(folder) / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
        command = ["kubectl", "kustomize", folder]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return list(yaml.safe_load_all(out))


def workloads(documents: list[Document], *kinds: str) -> list[Document]:
    """Those that run pods."""
    return [document for document in documents if document["kind"] in (kinds or PODS)]


@pytest.mark.parametrize("version", VERSIONS)
def test_objects_are_valid_as_written(version: str) -> None:
    for document in kubernetes():
        kubernetes_validate.validate(document, version, strict=True)


def test_the_readme_names_versions() -> None:
    assert len(VERSIONS) >= 3


def test_every_file_of_a_folder_is_in_its_kustomization() -> None:
    for path in manifests():
        kustomization = yaml.safe_load((path.parent / "kustomization.yaml").read_text("utf-8"))
        assert path.name in kustomization["resources"], f"{place(path)} is in no kustomization"


def test_every_pod_has_requests_and_limits_and_every_server_three_probes() -> None:
    for workload in workloads(kubernetes()):
        (container,) = pod(workload)["containers"]
        for kind in ("requests", "limits"):
            assert set(container["resources"][kind]) == {"cpu", "memory"}, container["name"]
        if workload["kind"] in ("Deployment", "StatefulSet"):
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container), container["name"]


def test_every_service_survives_the_loss_of_a_machine_as_far_as_it_can() -> None:
    documents = [document for path in manifests() if path.parent.name == "base" for document in read(path)]
    budgets = {document["metadata"]["name"] for document in documents if document["kind"] == "PodDisruptionBudget"}
    for workload in workloads(documents, "Deployment", "StatefulSet"):
        assert workload["metadata"]["name"] in budgets


@NEEDS_KUBECTL
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_of_one_kind_are_spread_over_machines(overlay: str) -> None:
    for workload in workloads(rendered(overlay), "Deployment", "StatefulSet"):
        (spread,) = pod(workload)["topologySpreadConstraints"]
        name = workload["metadata"]["name"]
        assert spread["labelSelector"] == {"matchLabels": {"app.kubernetes.io/name": name}}
        assert spread["topologyKey"] == "kubernetes.io/hostname"


@NEEDS_KUBECTL
def test_production_fits_the_machine_of_the_plan_while_everything_rolls_and_trains() -> None:
    documents = rendered("ec2")
    least = {
        d["spec"]["scaleTargetRef"]["name"]: d["spec"]["minReplicas"]
        for d in documents
        if d["kind"] == "HorizontalPodAutoscaler"
    }
    cpus, mebibytes = SYSTEM
    for workload in workloads(documents):
        count = workload["spec"].get("replicas", least.get(workload["metadata"]["name"], 1))
        surge = workload["spec"].get("strategy", {}).get("rollingUpdate", {}).get("maxSurge", 0)
        (container,) = pod(workload)["containers"]
        asked = container["resources"]["requests"]
        cpus += millicpus(asked["cpu"]) * (count + surge)
        mebibytes += megabytes(asked["memory"]) * (count + surge)
    plan = (ROOT / "k8s" / "ec2" / "variables.tf").read_text("utf-8")
    assert re.search(r'"instance_type" \{[^}]*default\s+= "m7i.xlarge"', plan)
    assert cpus <= MACHINE[0], f"{cpus} thousandths of a CPU are asked for"
    assert mebibytes <= MACHINE[1], f"{mebibytes} MiB are asked for"


def test_whoever_answers_requests_grows_with_them() -> None:
    scaled = {d["spec"]["scaleTargetRef"]["name"] for d in kubernetes() if d["kind"] == "HorizontalPodAutoscaler"}
    assert scaled >= PREDICTORS | {"gateway"}
    for workload in workloads(kubernetes(), "Deployment"):
        if workload["metadata"]["name"] in scaled:
            assert "replicas" not in workload["spec"], "the autoscaler's number would be overwritten at every release"
            assert workload["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_redis_lets_in_the_same_users_in_compose_and_in_kubernetes() -> None:
    (redis,) = workloads([document for document in kubernetes() if document["metadata"]["name"] == "redis"])
    inside = pod(redis)["containers"][0]["args"]
    assert [re.sub(r"^>.*", ">", word) for word in inside] == [
        re.sub(r"^>.*", ">", word) for word in compose()["redis"]["command"]
    ]


@NEEDS_KUBECTL
@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("version", VERSIONS)
def test_objects_are_valid_as_rendered(overlay: str, version: str) -> None:
    for document in rendered(overlay):
        if document["kind"] not in NOT_KUBERNETES_OWN:
            kubernetes_validate.validate(document, version, strict=True)


@NEEDS_KUBECTL
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_is_locked_down(overlay: str) -> None:
    for found in map(pod, workloads(rendered(overlay))):
        assert found["automountServiceAccountToken"] is False
        assert found["enableServiceLinks"] is False
        assert found["serviceAccountName"] != "default"
        assert found["securityContext"]["runAsNonRoot"] is True
        assert found["securityContext"]["runAsUser"] > 10000
        assert found["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in found["containers"]:
            assert container["securityContext"] == {
                "readOnlyRootFilesystem": True,
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            }


@NEEDS_KUBECTL
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_pod_that_ends_has_time_for_what_is_on_its_way(overlay: str) -> None:
    for found in map(pod, workloads(rendered(overlay), "Deployment")):
        pause = found["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert found["terminationGracePeriodSeconds"] > pause + 10 + 3


@NEEDS_KUBECTL
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_network_policies_are_the_arrows_of_the_design(overlay: str) -> None:
    documents = rendered(overlay)
    (denied,) = [document for document in documents if document["metadata"]["name"] == "default-deny"]
    assert denied["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert one_sided(documents) == set()
    assert allowed(documents) == ARROWS | BEYOND[overlay]


@NEEDS_KUBECTL
def test_with_keda_every_autoscaler_is_replaced_by_one_that_knows_the_queue() -> None:
    documents = rendered(WATCHED)
    assert not [document for document in documents if document["kind"] == "HorizontalPodAutoscaler"]
    scaled = {d["spec"]["scaleTargetRef"]["name"]: d["spec"] for d in documents if d["kind"] == "ScaledObject"}
    assert set(scaled) == PREDICTORS | {"gateway"}
    for name, spec in scaled.items():
        queries = " ".join(trigger["metadata"]["query"] for trigger in spec["triggers"])
        assert "queue_seconds" in queries
        assert name == "gateway" or f'model="{name.removeprefix("predictor-")}"' in queries
        assert all(trigger["metricType"] == "AverageValue" for trigger in spec["triggers"]), "a fallback needs it"


@NEEDS_KUBECTL
def test_nothing_secret_and_no_optional_database_is_in_the_production_overlay() -> None:
    documents = rendered("ec2")
    assert not [document for document in documents if document["kind"] in ("Secret", "PersistentVolumeClaim")]
    settings = next(document["data"] for document in documents if document["kind"] == "ConfigMap")
    assert settings["VIGIE_ENV"] == "production"
    assert not [name for name in settings if re.search("SECRET|PASSWORD|KEY", name)]
    for name, variable in (
        ("feedback", "DATABASE_URL"),
        ("alerting", "DATABASE_URL"),
        ("mlflow", "MLFLOW_BACKEND_STORE_URI"),
    ):
        (workload,) = [d for d in workloads(documents) if d["metadata"]["name"] == name]
        env = {item["name"]: item for item in pod(workload)["containers"][0]["env"]}
        assert not env[variable]["valueFrom"]["secretKeyRef"].get("optional", False)


def millicpus(quantity: str) -> int:
    """`250m` or `2`."""
    return int(quantity[:-1]) if quantity.endswith("m") else int(quantity) * 1000


def read(path: Path) -> list[Document]:
    """The objects of one file."""
    return list(yaml.safe_load_all(path.read_text("utf-8")))
