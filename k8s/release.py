"""Prints the overlay of one installation: k8s/overlays/ec2 with its names, addresses and images, for `kubectl apply`.

Every value comes from the environment; a missing one stops with its name. Nothing secret is among them. `COMPONENTS`
may name folders of k8s/components to lay over it: `monitoring,keda`; `TRAINING_DATA` what retrainings learn from.
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
COMPONENTS = ROOT / "k8s" / "components"
IMAGES = ("training", *sorted(folder.name for folder in (ROOT / "services").iterdir() if folder.is_dir()))
SETTINGS = ("SMTP_HOST", "SMTP_PORT", "ALERT_MAIL_FROM", "ALERT_MAIL_TO")
OPTIONAL = ("TRAINING_DATA",)


@dataclass(frozen=True)
class Release:
    """What differs from one installation, and from one commit, to the next."""

    tag: str
    registry: str
    domain: str
    bucket: str
    settings: dict[str, str]
    components: tuple[str, ...] = ()

    @classmethod
    def read(cls, environment: dict[str, str]) -> "Release":
        """From variables; raises `SystemExit` naming every one that is missing."""
        needed = ("TAG", "REGISTRY", "DOMAIN", "BUCKET", *SETTINGS)
        missing = [name for name in needed if not environment.get(name)]
        if missing:
            raise SystemExit(f"expected a value, got none: {', '.join(missing)}")
        tag, registry, domain, bucket, *_ = (environment[name] for name in needed)
        components = tuple(name for name in environment.get("COMPONENTS", "").split(",") if name)
        settings = {name: environment.get(name, "") for name in (*SETTINGS, *OPTIONAL)}
        return cls(tag, registry, domain, bucket, settings, components)

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
            "patches": [{"target": {"kind": "Ingress"}, "patch": yaml.safe_dump(host)}],
            "namespace": "vigie",
        }


def rendered(release: Release) -> str:
    """What kustomize makes of it."""
    with tempfile.TemporaryDirectory() as folder:
        text = yaml.safe_dump(release.kustomization(Path(folder)))
        (Path(folder) / "kustomization.yaml").write_text(text, encoding="utf-8")
        command = ["kubectl", "kustomize", folder]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603 - our words


if __name__ == "__main__":
    sys.stdout.write(rendered(Release.read(dict(os.environ))))
