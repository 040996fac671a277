"""Prints the overlay of one installation: k8s/overlays/ec2 with its names, addresses and images, for `kubectl apply`.

Every value comes from the environment; a missing one stops with its name. Nothing secret is among them. `COMPONENTS`
may name folders of k8s/components to lay over it: `monitoring,keda`; `TRAINING_DATA` what retrainings learn from;
`IMAGE_PULL_SECRET` the Secret that private images are pulled with; `SMTP_SECURITY` what its port does not say.
"""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
OVERLAY = ROOT / "k8s" / "overlays" / "ec2"
OUTSIDE = OVERLAY / "outside.yaml"
COMPONENTS = ROOT / "k8s" / "components"
IMAGES = ("training", *sorted(folder.name for folder in (ROOT / "services").iterdir() if folder.is_dir()))
SETTINGS = ("SMTP_HOST", "SMTP_PORT", "ALERT_MAIL_FROM", "ALERT_MAIL_TO")
OPTIONAL = ("TRAINING_DATA",)
TLS_PORT = "465"  # encrypted from the first byte; on others the client asks for it


@dataclass(frozen=True)
class Release:
    """What differs from one installation, and from one commit, to the next."""

    tag: str
    registry: str
    domain: str
    bucket: str
    settings: dict[str, str]
    components: tuple[str, ...] = ()
    image_pull_secret: str = ""

    @classmethod
    def read(cls, environment: dict[str, str]) -> "Release":
        """From variables; raises `SystemExit` naming every one that is missing."""
        needed = ("TAG", "REGISTRY", "DOMAIN", "BUCKET", *SETTINGS)
        missing = [name for name in needed if not environment.get(name)]
        if missing:
            raise SystemExit(f"expected a value, got none: {', '.join(missing)}")
        port = environment["SMTP_PORT"]
        if port not in open_mail_ports():
            raise SystemExit(
                f"SMTP_PORT: expected {' or '.join(open_mail_ports())}, as {OUTSIDE.name} opens, got {port!r}"
            )
        tag, registry, domain, bucket, *_ = (environment[name] for name in needed)
        components = tuple(name for name in environment.get("COMPONENTS", "").split(",") if name)
        settings = {name: environment.get(name, "") for name in (*SETTINGS, *OPTIONAL)}
        settings["SMTP_SECURITY"] = environment.get("SMTP_SECURITY") or ("tls" if port == TLS_PORT else "starttls")
        return cls(tag, registry, domain, bucket, settings, components, environment.get("IMAGE_PULL_SECRET", ""))

    def kustomization(self, folder: Path) -> dict[str, object]:
        """The kustomization that lays this release over the overlay."""
        literals = {
            "GATEWAY_URL": f"https://{self.domain}",
            "UI_URL": f"https://{self.domain}/ui",
            "MLFLOW_ARTIFACTS_DESTINATION": f"s3://{self.bucket}/mlflow",
            **self.settings,
        }
        host = [
            {"op": "replace", "path": path, "value": self.domain}
            for path in ("/spec/tls/0/hosts/0", "/spec/rules/0/host")
        ]
        return {
            "resources": [os.path.relpath(OVERLAY, folder)],
            "components": [os.path.relpath(COMPONENTS / name, folder) for name in self.components],
            "images": [
                {"name": f"vigie/{name}", "newName": f"{self.registry}/{name}", "newTag": self.tag} for name in IMAGES
            ],
            "configMapGenerator": [
                {
                    "name": "vigie",
                    "behavior": "merge",
                    "literals": [f"{key}={value}" for key, value in literals.items()],
                }
            ],
            "patches": [{"target": {"kind": "Ingress"}, "patch": yaml.safe_dump(host)}, *self._pulling()],
            "namespace": "vigie",
        }

    def _pulling(self) -> list[dict[str, object]]:
        """Every pod has a ServiceAccount of its own, so each of them gets the Secret, if there is one."""
        add = {"op": "add", "path": "/imagePullSecrets", "value": [{"name": self.image_pull_secret}]}
        patch: dict[str, object] = {"target": {"kind": "ServiceAccount"}, "patch": yaml.safe_dump([add])}
        return [patch] if self.image_pull_secret else []


def open_mail_ports() -> list[str]:
    """The ports that the overlay's network policy opens to the mail server."""
    policies = yaml.safe_load_all(OUTSIDE.read_text("utf-8"))
    (mail,) = [policy["spec"] for policy in policies if policy["metadata"]["name"] == "mail"]
    return [str(port["port"]) for rule in mail["egress"] for port in rule["ports"]]


def rendered(release: Release) -> str:
    """What kustomize makes of it."""
    with tempfile.TemporaryDirectory() as folder:
        text = yaml.safe_dump(release.kustomization(Path(folder)))
        (Path(folder) / "kustomization.yaml").write_text(text, encoding="utf-8")
        command = ["kubectl", "kustomize", folder]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603 - our words


if __name__ == "__main__":
    sys.stdout.write(rendered(Release.read(dict(os.environ))))
