"""Writes the Compose and Kubernetes files that follow from the catalogue; `--check` only says what is stale.

One line in `vigie.catalogue` is all that a further family needs here.
"""

import argparse
from pathlib import Path
from string import Template

from vigie.catalogue import FAMILIES, Family

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = ROOT / "k8s" / "templates"
MONITORING = ROOT / "k8s" / "components" / "monitoring"
QUEUE, QUEUE_TEXTS = "vigie_queue_seconds", "vigie_queue_texts"
UPSTREAM, UPSTREAM_TEXTS = "vigie_upstream_queue_seconds", "vigie_upstream_queue_texts"
MEASURED = {"gateway": 8000, "feedback": 8010, "alerting": 8020} | {family.service: 8080 for family in FAMILIES}


def main() -> None:
    """Exits with 1 and the names of stale files under `--check`, else writes them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is stale")
    check = parser.parse_args().check
    stale = [path for path, text in rendered().items() if not path.exists() or path.read_text("utf-8") != text]
    if check and stale:
        raise SystemExit(f"stale, run make render: {', '.join(str(path.relative_to(ROOT)) for path in stale)}")
    for path in stale:
        path.write_text(rendered()[path], encoding="utf-8")


def rendered() -> dict[Path, str]:
    """Every rendered file and what it should hold."""
    return {
        ROOT / "docker-compose.predictors.yml": _compose(),
        ROOT / "k8s" / "base" / "predictors.yaml": _kubernetes(),
        MONITORING / "prometheus.yml": _prometheus("-pods"),
        MONITORING / "prometheus.compose.yml": _prometheus(""),
        MONITORING / "pods.yaml": _pods(),
        ROOT / "k8s" / "components" / "keda" / "scaled-objects.yaml": _scaled_objects(),
    }


def _compose() -> str:
    services = "\n".join(_filled("predictor.compose.yaml", family) for family in FAMILIES)
    volumes = "".join(f"  {family.service}:\n" for family in FAMILIES)
    return f"{_first_line('predictor.compose.yaml')}services:\n{services}\nvolumes:\n{volumes}"


def _kubernetes() -> str:
    documents = "---\n".join(_filled("predictor.yaml", family) for family in FAMILIES)
    return _first_line("predictor.yaml") + documents


def _prometheus(suffix: str) -> str:
    targets = [f"      - {{names: [{service}{suffix}], type: A, port: {port}}}" for service, port in MEASURED.items()]
    text = Template((TEMPLATES / "prometheus.yml").read_text("utf-8")).substitute(targets="\n".join(targets))
    return _first_line("prometheus.yml") + text


def _pods() -> str:
    template = Template((TEMPLATES / "pods-service.yaml").read_text("utf-8"))
    documents = [template.substitute(service=service, number=port) for service, port in MEASURED.items()]
    return _first_line("pods-service.yaml") + "---\n".join(documents)


def _scaled_objects() -> str:
    """Predictors by their own queue; the gateway by the queues in front of all of them."""
    template = Template((TEMPLATES / "scaled-object.yaml").read_text("utf-8"))
    documents = [template.substitute(service="gateway", seconds=UPSTREAM, texts=UPSTREAM_TEXTS, selector="")]
    documents += [
        template.substitute(
            service=family.service, seconds=QUEUE, texts=QUEUE_TEXTS, selector=f'{{model="{family.name}"}}'
        )
        for family in FAMILIES
    ]
    return _first_line("scaled-object.yaml") + "---\n".join(documents)


def _filled(template: str, family: Family) -> str:
    return Template((TEMPLATES / template).read_text("utf-8")).substitute(
        service=family.service, port=family.port, port_variable=f"PREDICTOR_{family.name.upper()}_PORT"
    )


def _first_line(template: str) -> str:
    return f"# Rendered by make render from vigie.catalogue and k8s/templates/{template}: do not edit.\n"


if __name__ == "__main__":
    main()
