"""Runs one workload on the container engine as a node would: same command, user, rights, limits, volumes and probes."""

import json
import os
import socket
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx

from tests.e2e.manifests import Cluster, Workload, megabytes
from tests.support.servers import wait_for

PATIENCE_SECONDS = 1800.0  # a predictor is ready when its family has a version, and small machines take their time
PAUSE_SECONDS = 0.5  # between two looks: asking the engine costs the containers' own time

Document = dict[str, Any]


@dataclass
class Container:
    """A workload's container; `networks` are joined under the workload's Service names."""

    cluster: Cluster
    workload: Workload
    prefix: str
    folder: Path
    networks: list[str] = field(default_factory=list)
    _address: str | None = None

    @property
    def id(self) -> str:
        """Its name for the engine."""
        return f"{self.prefix}-{self.workload.name}"

    def create(self) -> None:
        """Makes volumes and container and joins the networks; nothing runs yet."""
        first, *others = self.networks
        command = ["create", "--name", self.id, "--hostname", self.workload.name]
        command += ["--network", first, *self._aliases("--network-alias")]
        for options in (self._rights(), self._limits(), self._volumes(), self._variables()):
            command += options
        entry = self.cluster.words(self.workload, "command")
        command += ["--entrypoint", entry[0]] if entry else []
        command += [self.workload.container["image"], *entry[1:], *self.cluster.words(self.workload, "args")]
        docker(*command)
        for network in others:
            docker("network", "connect", *self._aliases("--alias"), network, self.id)

    def start(self) -> None:
        """As the kubelet does when the pod is bound."""
        docker("start", self.id)

    def stop(self) -> float:
        """`preStop`, then SIGTERM, then SIGKILL after the rest of the grace period; the seconds it took."""
        started = monotonic()
        pause = self.workload.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        grace = self.workload.pod.get("terminationGracePeriodSeconds", 30)
        sleep(pause)
        docker("stop", "--time", str(grace - pause), self.id)
        return monotonic() - started

    def remove(self) -> None:
        """With its volumes."""
        docker("rm", "--force", "--volumes", self.id)
        for name in self._claims().values():
            docker("volume", "rm", "--force", name)

    def inspect(self) -> Document:
        """What the engine knows."""
        found: list[Document] = json.loads(docker("inspect", self.id))
        return found[0]

    def address(self) -> str:
        """One of its addresses: the machine reaches them all, as a node reaches its pods."""
        if self._address is None:
            networks = self.inspect()["NetworkSettings"]["Networks"].values()
            self._address = str(next(network["IPAddress"] for network in networks))
        return self._address

    def wait_ready(self, check: Callable[[], None] = lambda: None) -> float:
        """Seconds until the startup probe and then the readiness probe succeeded and the liveness probe does; or fails.

        The startup probe gets as many tries as the manifest gives it. `check` runs before each try and may raise.
        """
        started = monotonic()

        def passes(probe: Document) -> bool:
            check()
            return self.passes(probe)

        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = self.workload.probe(kind)
            if probe:
                tries = probe.get("failureThreshold", 3) * probe.get("periodSeconds", 10)
                seconds = tries if kind == "startupProbe" else PATIENCE_SECONDS
                what = f"{self.id}: {kind}"
                wait_for(partial(passes, probe), seconds=seconds, pause=PAUSE_SECONDS, what=what)
        return monotonic() - started

    def wait_completed(self) -> float:
        """Seconds until a Job's container ended well; raises with its last lines when it did not."""
        started = monotonic()
        wait_for(self.completed, seconds=PATIENCE_SECONDS, pause=PAUSE_SECONDS, what=f"the end of {self.id}")
        return monotonic() - started

    def completed(self) -> bool:
        """Whether a Job's container ended well; raises with its last lines when it failed as often as it may."""
        state = self.inspect()["State"]
        if not state["Running"] and state["ExitCode"]:
            raise RuntimeError(f"{self.id} failed:\n{self.logs()}")
        return not state["Running"]

    def logs(self, lines: int = 40) -> str:
        """The last lines of its output."""
        return docker("logs", "--tail", str(lines), self.id, with_errors=True)

    def passes(self, probe: Document) -> bool:
        """One try of a probe, the way the kubelet makes it."""
        with suppress(OSError, httpx.HTTPError, subprocess.SubprocessError, StopIteration):
            if "exec" in probe:
                docker("exec", self.id, *probe["exec"]["command"])
                return True
            if "tcpSocket" in probe:
                return listens(self.address(), self.workload.port(probe["tcpSocket"]["port"]))
            asked = probe["httpGet"]
            url = f"http://{self.address()}:{self.workload.port(asked['port'])}{asked['path']}"
            return 200 <= httpx.get(url, timeout=probe.get("timeoutSeconds", 1)).status_code < 400
        self._address = None  # it may have been started again elsewhere
        return False

    def _aliases(self, option: str) -> list[str]:
        return [word for host in self.cluster.hosts(self.workload) for word in (option, host)]

    def _rights(self) -> list[str]:
        pod, own = self.workload.pod["securityContext"], self.workload.container["securityContext"]
        if pod["seccompProfile"] != {"type": "RuntimeDefault"} or not pod["runAsNonRoot"]:
            raise ValueError(f"{self.id}: expected RuntimeDefault and no root, got {pod}")
        found = ["--user", f"{pod['runAsUser']}:{pod['runAsGroup']}", "--group-add", str(pod["fsGroup"])]
        found += ["--read-only"] if own["readOnlyRootFilesystem"] else []
        found += [] if own["allowPrivilegeEscalation"] else ["--security-opt", "no-new-privileges:true"]
        return found + [word for name in own["capabilities"]["drop"] for word in ("--cap-drop", name)]

    def _limits(self) -> list[str]:
        limits = self.workload.container["resources"]["limits"]
        memory = f"{megabytes(limits['memory'])}m"
        cpus = min(float(limits["cpu"]), os.cpu_count() or 1)
        restart = "on-failure:6" if self.workload.kind == "Job" else "always"
        return ["--memory", memory, "--memory-swap", memory, "--cpus", str(cpus), "--restart", restart]

    def _variables(self) -> list[str]:
        environment = self.cluster.environment(self.workload)
        return [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]

    def _volumes(self) -> list[str]:
        """An emptyDir is memory (the user's: the engine gives it the mode of what it covers), a claim is a volume.

        A Secret or ConfigMap is files that cannot be written.
        """
        rights = self.workload.pod["securityContext"]
        user, group = rights["runAsUser"], rights["fsGroup"]
        volumes = {volume["name"]: volume for volume in self.workload.pod.get("volumes", [])}
        claims, found = self._claims(), []
        for mount in self.workload.container.get("volumeMounts", []):
            name, path = mount["name"], mount["mountPath"]
            if name in claims:
                self._hand_over(claims[name], group)
                found += ["--volume", f"{claims[name]}:{path}:nocopy"]
            elif "emptyDir" in volumes[name]:
                size = volumes[name]["emptyDir"]["sizeLimit"]
                found += ["--tmpfs", f"{path}:exec,size={megabytes(size)}m,uid={user},gid={group},mode=2777"]
            else:
                found += ["--volume", f"{self._written(name, volumes[name])}:{path}:ro"]
        return found

    def _claims(self) -> dict[str, str]:
        """Engine volumes of persistent claims, by the name in the pod."""
        mine = [volume["name"] for volume in self.workload.pod.get("volumes", []) if "persistentVolumeClaim" in volume]
        mine += [claim["metadata"]["name"] for claim in self.workload.document["spec"].get("volumeClaimTemplates", [])]
        return {name: f"{self.id}-{name}" for name in mine}

    def _hand_over(self, volume: str, group: int) -> None:
        """What `fsGroup` means: the volume belongs to the group and is writable for it."""
        image = self.workload.container["image"]
        docker("volume", "create", volume)
        script = f"chgrp {group} /claim && chmod 2775 /claim"
        docker(
            "run", "--rm", "--user", "0:0", "--volume", f"{volume}:/claim", "--entrypoint", "sh", image, "-c", script
        )

    def _written(self, name: str, volume: Document) -> Path:
        folder = self.folder / self.workload.name / name
        folder.mkdir(parents=True)
        for path, text in self.cluster.files(volume).items():
            (folder / path).write_text(text, encoding="utf-8")
        return folder


def docker(*arguments: str, with_errors: bool = False) -> str:
    """Runs `docker …`; a failure shows what it said."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise subprocess.SubprocessError(f"docker {arguments[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout + done.stderr if with_errors else done.stdout


def listens(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    with socket.create_connection((host, port), timeout=1):
        return True
