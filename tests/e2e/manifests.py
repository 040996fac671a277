"""Rendered Kubernetes objects, read the way a node reads them: the command, the environment and the probes of each pod.

Whatever is not understood here is an error: a field that was ignored would be a field that was not tried.
"""

import re
from base64 import b64decode
from dataclasses import dataclass
from typing import Any

from tests.architecture.sources import PODS, pod

Document = dict[str, Any]

WORKLOAD_KINDS = tuple(kind for kind in PODS if kind != "CronJob")
# What only the scheduler, the autoscaler or the API server acts on; everything else must be tried.
CONTAINER_KEYS = {
    *("name", "image", "args", "command", "env", "envFrom", "ports", "resources", "securityContext", "volumeMounts"),
    *("startupProbe", "livenessProbe", "readinessProbe", "lifecycle"),
}
POD_KEYS = {
    *("automountServiceAccountToken", "containers", "enableServiceLinks", "restartPolicy", "securityContext"),
    *("serviceAccountName", "terminationGracePeriodSeconds", "topologySpreadConstraints", "volumes"),
}
_REFERENCE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")


@dataclass(frozen=True)
class Workload:
    """One Deployment, StatefulSet or Job with its one container."""

    document: Document

    @property
    def kind(self) -> str:
        """`Deployment`, `StatefulSet` or `Job`."""
        return str(self.document["kind"])

    @property
    def labels(self) -> dict[str, str]:
        """Labels of its pods."""
        found: dict[str, str] = self.document["spec"]["template"]["metadata"]["labels"]
        return found

    @property
    def name(self) -> str:
        """What the network policies and the journeys call it."""
        return self.labels["app.kubernetes.io/name"]

    @property
    def pod(self) -> Document:
        """The pod specification; raises `ValueError` for a field that nothing here acts on."""
        found = pod(self.document)
        unknown = set(found) - POD_KEYS | {key for each in found["containers"] for key in set(each) - CONTAINER_KEYS}
        if unknown or len(found["containers"]) != 1:
            raise ValueError(f"{self.name}: expected one container of known fields, got {sorted(unknown)}")
        return found

    @property
    def container(self) -> Document:
        """Its one container."""
        found: Document = self.pod["containers"][0]
        return found

    def probe(self, kind: str) -> Document | None:
        """`startupProbe`, `readinessProbe` or `livenessProbe`."""
        return self.container.get(kind)

    def port(self, name: str | int) -> int:
        """The number of a container port."""
        if isinstance(name, int):
            return name
        return int(next(port["containerPort"] for port in self.container["ports"] if port["name"] == name))


@dataclass(frozen=True)
class Cluster:
    """Every object of an overlay."""

    documents: list[Document]

    def of(self, kind: str) -> list[Document]:
        """Objects of one kind."""
        return [document for document in self.documents if document["kind"] == kind]

    def workloads(self) -> list[Workload]:
        """Everything that runs at once after `kubectl apply`."""
        return [Workload(document) for kind in WORKLOAD_KINDS for document in self.of(kind)]

    def hosts(self, workload: Workload) -> list[str]:
        """Names under which Services make the workload known; its ports must be those of the Service.

        The engine has no address translation: a Service on another port than its pods would need it.
        """
        found = []
        for service in self.of("Service"):
            if service["spec"]["selector"].items() <= workload.labels.items():
                name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
                for port in service["spec"]["ports"]:
                    if workload.port(port["targetPort"]) != port["port"]:
                        raise ValueError(f"Service {name}: expected the port of its pods, got {port!r}")
                found += [name, f"{name}.{namespace}.svc"]
        return found

    def environment(self, workload: Workload) -> dict[str, str]:
        """Variables as the container sees them: `envFrom` first, then `env` with `$(NAME)` filled in."""
        found: dict[str, str] = {}
        for source in workload.container.get("envFrom", []):
            found |= self._data("ConfigMap", source["configMapRef"]["name"])
        for item in workload.container.get("env", []):
            value = self._value(item)
            if value is not None:
                found[item["name"]] = expanded(value, found)
        return found

    def words(self, workload: Workload, key: str) -> list[str]:
        """`command` or `args` with `$(NAME)` filled in."""
        environment = self.environment(workload)
        return [expanded(word, environment) for word in workload.container.get(key, [])]

    def files(self, volume: Document) -> dict[str, str]:
        """Files of a Secret or ConfigMap volume."""
        if "secret" in volume:
            data, items = self._data("Secret", volume["secret"]["secretName"]), volume["secret"].get("items")
        else:
            data, items = self._data("ConfigMap", volume["configMap"]["name"]), volume["configMap"].get("items")
        return {item["path"]: data[item["key"]] for item in items} if items else data

    def _value(self, item: Document) -> str | None:
        if "value" in item:
            return str(item["value"])
        ((kind, reference),) = item["valueFrom"].items()
        data = self._data({"secretKeyRef": "Secret", "configMapKeyRef": "ConfigMap"}[kind], reference["name"])
        if reference["key"] not in data and not reference.get("optional"):
            raise ValueError(f"{item['name']}: expected the key {reference['key']!r} in {reference['name']!r}")
        return data.get(reference["key"])

    def _data(self, kind: str, name: str) -> dict[str, str]:
        (document,) = [document for document in self.of(kind) if document["metadata"]["name"] == name]
        if kind == "Secret":
            return {key: b64decode(value).decode() for key, value in document.get("data", {}).items()}
        return dict(document.get("data", {}))


def expanded(text: str, environment: dict[str, str]) -> str:
    """`$(NAME)` becomes the variable's value, as far as there is one."""
    return _REFERENCE.sub(lambda match: environment.get(match[1], match[0]), text)


def megabytes(quantity: str) -> int:
    """`384Mi` or `2Gi`."""
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", quantity).groups()  # type: ignore[union-attr]
    return int(number) * (1024 if unit == "Gi" else 1)
