"""The overlay of one installation."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from tests.architecture.sources import PODS, ROOT, pod

pytestmark = pytest.mark.skipif(not shutil.which("kubectl"), reason="kustomize comes with kubectl")
VALUES = {
    "TAG": "0f3c9d2",
    "REGISTRY": "ghcr.io/air-paradis/vigie",
    "DOMAIN": "vigie.air-paradis.example",
    "BUCKET": "air-paradis-vigie",
    "SMTP_HOST": "smtp.air-paradis.example",
    "SMTP_PORT": "465",
    "ALERT_MAIL_FROM": "vigie@air-paradis.example",
    "ALERT_MAIL_TO": "ops@air-paradis.example",
}


def release(**values: str) -> subprocess.CompletedProcess[str]:
    """What k8s/release.py prints."""
    environment = {"PATH": os.environ["PATH"], **values}
    command = [sys.executable, str(ROOT / "k8s" / "release.py")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_every_image_of_ours_is_the_commits_and_nothing_of_the_example_is_left() -> None:
    done = release(**VALUES)
    assert done.returncode == 0, done.stderr
    assert "example.org" not in done.stdout
    documents = list(yaml.safe_load_all(done.stdout))
    images = {
        each["image"] for document in documents if document["kind"] in PODS for each in pod(document)["containers"]
    }
    ours = {image for image in images if "vigie" in image}
    assert ours
    assert all(re.fullmatch(r"ghcr\.io/air-paradis/vigie/[a-z-]+:0f3c9d2", image) for image in ours), ours
    (settings,) = [document["data"] for document in documents if document["kind"] == "ConfigMap"]
    assert settings["GATEWAY_URL"] == "https://vigie.air-paradis.example"
    assert settings["MLFLOW_ARTIFACTS_DESTINATION"] == "s3://air-paradis-vigie/mlflow"
    assert settings["SMTP_PORT"] == "465"
    assert settings["UI_URL"] == "https://vigie.air-paradis.example/ui"
    ingresses = [document["spec"] for document in documents if document["kind"] == "Ingress"]
    assert [path["path"] for ingress in ingresses for path in ingress["rules"][0]["http"]["paths"]] == [
        "/",
        "/metrics",
        "/ui",
    ]
    for ingress in ingresses:
        assert ingress["rules"][0]["host"] == ingress["tls"][0]["hosts"][0] == "vigie.air-paradis.example"


def test_components_come_along_when_they_are_named() -> None:
    done = release(**VALUES, COMPONENTS="monitoring,keda")
    assert done.returncode == 0, done.stderr
    documents = list(yaml.safe_load_all(done.stdout))
    names = {(document["kind"], document["metadata"]["name"]) for document in documents}
    assert {("Deployment", "prometheus"), ("PersistentVolumeClaim", "prometheus"), ("ScaledObject", "gateway")} <= names
    assert not [kind for kind, _ in names if kind == "HorizontalPodAutoscaler"]
    (storage,) = [document for document in documents if document["kind"] == "StorageClass"]
    assert storage["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}


def test_every_door_to_the_world_has_its_guards_and_the_machine_brings_them() -> None:
    documents = yaml.safe_load_all(release(**VALUES).stdout)
    guards = {
        document["metadata"]["name"]: re.findall(
            r"kube-system-([a-z-]+)@kubernetescrd",
            document["metadata"]["annotations"]["traefik.ingress.kubernetes.io/router.middlewares"],
        )
        for document in documents
        if document["kind"] == "Ingress"
    }
    assert guards == {
        "gateway": ["vigie-https"],
        "metrics": ["vigie-https", "vigie-shut"],
        "ui": ["vigie-https", "vigie-page-login", "vigie-page-prefix"],
    }
    machine = (ROOT / "k8s" / "ec2" / "cloud-init.yaml").read_text("utf-8")
    brought = re.findall(r"kind: Middleware\n +metadata: \{name: ([a-z-]+),", machine)
    assert set(brought) == {guard for names in guards.values() for guard in names}


def test_retrainings_learn_from_the_rows_that_are_named() -> None:
    for told, expected in (
        (VALUES | {"TRAINING_DATA": "mlflow-artifacts:/rows"}, "mlflow-artifacts:/rows"),
        (VALUES, ""),
    ):
        documents = list(yaml.safe_load_all(release(**told).stdout))
        (settings,) = [document for document in documents if document["kind"] == "ConfigMap"]
        assert settings["data"]["TRAINING_DATA"] == expected
        (job,) = [pod(document) for document in documents if document["kind"] == "CronJob"]
        assert {"configMapRef": {"name": settings["metadata"]["name"]}} in job["containers"][0]["envFrom"]


def test_private_images_are_pulled_with_the_secret_that_is_named_by_every_pod() -> None:
    for told, expected in ((VALUES | {"IMAGE_PULL_SECRET": "ghcr"}, [{"name": "ghcr"}]), (VALUES, None)):
        documents = list(yaml.safe_load_all(release(**told, COMPONENTS="monitoring").stdout))
        accounts = {
            document["metadata"]["name"]: document.get("imagePullSecrets")
            for document in documents
            if document["kind"] == "ServiceAccount"
        }
        used = {pod(document)["serviceAccountName"] for document in documents if document["kind"] in PODS}
        assert accounts == dict.fromkeys(used, expected)


@pytest.mark.parametrize(
    ("port", "told", "expected"), [("465", "", "tls"), ("587", "", "starttls"), ("587", "none", "none")]
)
def test_mail_is_encrypted_as_its_port_wants_it_unless_told_otherwise(port: str, told: str, expected: str) -> None:
    done = release(**VALUES | {"SMTP_PORT": port, "SMTP_SECURITY": told})
    (settings,) = [document["data"] for document in yaml.safe_load_all(done.stdout) if document["kind"] == "ConfigMap"]
    assert (settings["SMTP_PORT"], settings["SMTP_SECURITY"]) == (port, expected)


def test_a_mail_port_that_the_network_policy_shuts_is_refused() -> None:
    done = release(**VALUES | {"SMTP_PORT": "2525"})
    assert done.returncode == 1
    assert done.stderr == "SMTP_PORT: expected 465 or 587, as outside.yaml opens, got '2525'\n"


def test_every_missing_value_is_named() -> None:
    done = release(TAG="1", REGISTRY="x")
    assert done.returncode == 1
    for name in ("DOMAIN", "BUCKET", "SMTP_HOST", "ALERT_MAIL_TO"):
        assert name in done.stderr
