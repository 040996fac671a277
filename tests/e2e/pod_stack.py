"""The system as `kubectl apply -k k8s/overlays/local` would run it, on the container engine.

Everything starts at once, as in a cluster. Two containers share a network only where the network policies allow an
arrow between them, so an arrow that is missing breaks a journey here and not in production. What is not tried: the
direction of an arrow, DNS outside the cluster and scheduling; rolling updates are in tests/integration/kubernetes.
"""

import subprocess
import tempfile
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tests.architecture.arrows import OUTSIDE, allowed
from tests.architecture.sources import ROOT
from tests.e2e.kubelet import Container, docker
from tests.e2e.manifests import Cluster, Workload
from tests.e2e.stack import COOLDOWN_SECONDS, Stack

OVERLAY = ROOT / "k8s" / "overlays" / "local"
JOURNEY = {"ALERT_COOLDOWN_SECONDS": str(COOLDOWN_SECONDS), "MODEL_POLL_SECONDS": "1"}


class PodStack(Stack):
    """One namespace of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._prefix = f"vigie-k8s-{uuid.uuid4().hex[:6]}"
        self._folder = tempfile.TemporaryDirectory(prefix=self._prefix)
        Path(self._folder.name).chmod(0o755)  # the containers' user reads the files of Secrets in it
        self.cluster = Cluster(rendered())

    @cached_property
    def containers(self) -> dict[str, Container]:
        """Every workload's, by name."""
        folder = Path(self._folder.name)
        return {
            workload.name: Container(self.cluster, workload, self._prefix, folder, self._networks_of(workload.name))
            for workload in self.cluster.workloads()
        }

    @property
    def services(self) -> list[str]:
        """See `Stack`."""
        return sorted(name for name, container in self.containers.items() if container.workload.kind != "Job")

    def up(self) -> None:
        """Networks, then all containers at once; each is waited for by itself, and a Job that fails ends the waiting.

        A predictor is ready as soon as its own family has a version, long before the Job that trains them all ends.
        """
        for network in sorted({network for each in self.containers.values() for network in each.networks}):
            docker("network", "create", "--internal", network)
        for container in self.containers.values():
            container.create()
        for container in self.containers.values():
            container.start()
        with ThreadPoolExecutor(len(self.containers)) as pool:
            waited = dict(zip(self.containers, pool.map(self._wait, self.containers), strict=True))
        self.measured |= {f"start of {name}": f"{seconds:.0f} s" for name, seconds in waited.items()}
        self.connect(self._url("gateway"), self._url("mailpit"), self._url("mlflow"), self._login())
        self.mlflow.headers["Host"] = "mlflow"  # it answers to no address

    def close(self) -> None:
        """See `Stack`."""
        self.disconnect()
        for container in self.containers.values():
            with suppress(subprocess.SubprocessError):
                container.remove()
        for network in docker("network", "ls", "--quiet", "--filter", f"name={self._prefix}").split():
            docker("network", "rm", network)
        self._folder.cleanup()

    def stop(self, service: str) -> None:
        """See `Stack`."""
        self.measured[f"end of {service}"] = f"{self.containers[service].stop():.1f} s"

    def start(self, service: str) -> None:
        """See `Stack`; back when every probe succeeds."""
        self.containers[service].start()
        self._wait(service)

    def train(self, *arguments: str) -> None:
        """See `Stack`."""
        document = deepcopy(self.containers["training"].workload.document)
        document["spec"]["template"]["spec"]["containers"][0]["args"] = list(arguments)
        networks = self._networks_of("training")
        job = Container(self.cluster, Workload(document), f"{self._prefix}-once", Path(self._folder.name), networks)
        job.create()
        try:
            job.start()
            job.wait_completed()
        finally:
            job.remove()

    def container(self, service: str) -> str:
        """See `Stack`."""
        return self.containers[service].id

    def _wait(self, name: str) -> float:
        container = self.containers[name]
        try:
            return container.wait_ready(self._check_jobs) if name in self.services else container.wait_completed()
        except TimeoutError as error:
            raise RuntimeError(f"{error}\n{container.logs()}") from None

    def _check_jobs(self) -> None:
        """Raises when a Job has failed: what waits for it would wait in vain."""
        for name, container in self.containers.items():
            if name not in self.services:
                container.completed()

    def _networks_of(self, name: str) -> list[str]:
        arrows = {(start, end) for start, end, _ in allowed(self.cluster.documents) if OUTSIDE not in (start, end)}
        return [f"{self._prefix}-{start}-{end}" for start, end in sorted(arrows) if name in (start, end)]

    def _url(self, name: str) -> str:
        container = self.containers[name]
        return f"http://{container.address()}:{container.workload.port('http')}"

    def _login(self) -> tuple[str, str]:
        password = self.cluster.environment(self.containers["mlflow"].workload)["MLFLOW_AUTH_ADMIN_PASSWORD"]
        return "vigie", password


def rendered() -> list[dict[str, Any]]:
    """The overlay as it would be applied, with the two settings that keep the journeys short."""
    command = ["kubectl", "kustomize", str(OVERLAY)]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    documents: list[dict[str, Any]] = list(yaml.safe_load_all(text))
    for document in documents:
        if document["kind"] == "ConfigMap":
            document["data"] |= JOURNEY
    return documents
