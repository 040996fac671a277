"""Writes the predictors' Compose and Kubernetes files from the catalogue; `--check` only says what is stale.

One line in `vigie.catalogue` is all that a further family needs here.
"""

import argparse
from pathlib import Path
from string import Template

from vigie.catalogue import FAMILIES, Family

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = ROOT / "k8s" / "templates"


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
    }


def _compose() -> str:
    services = "\n".join(_filled("predictor.compose.yaml", family) for family in FAMILIES)
    volumes = "".join(f"  {family.service}:\n" for family in FAMILIES)
    return f"{_first_line('predictor.compose.yaml')}services:\n{services}\nvolumes:\n{volumes}"


def _kubernetes() -> str:
    documents = "---\n".join(_filled("predictor.yaml", family) for family in FAMILIES)
    return _first_line("predictor.yaml") + documents


def _filled(template: str, family: Family) -> str:
    return Template((TEMPLATES / template).read_text("utf-8")).substitute(
        service=family.service, port=family.port, port_variable=f"PREDICTOR_{family.name.upper()}_PORT"
    )


def _first_line(template: str) -> str:
    return f"# Rendered by make render from vigie.catalogue and k8s/templates/{template}: do not edit.\n"


if __name__ == "__main__":
    main()
