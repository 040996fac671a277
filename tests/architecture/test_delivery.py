"""Workflows, scripts and infrastructure files: what can be known of them without an account anywhere."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.architecture.sources import ROOT, place

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
EC2, DELIVERY = ROOT / "k8s" / "ec2", ROOT / ".github" / "delivery"
SPACE = ROOT / "services" / "ui" / "huggingface"
SCRIPTS = sorted(path for folder in (EC2, DELIVERY, SPACE) for path in folder.rglob("*.sh"))
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
NEEDS_TERRAFORM = pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not on every machine")
PG_DUMP_OF_DEBIAN = {"12": 15, "13": 17}
INPUTS: dict[str, object] = {
    "vpc_id": "vpc-1",
    "subnet_id": "subnet-1",
    "database_subnet_ids": ["subnet-2", "subnet-3"],
    "operator_cidrs": ["203.0.113.7/32"],
    "key_name": "operators",
    "bucket": "air-paradis-vigie",
    "contact": "ops@air-paradis.example",
}
# What main.tf does with them, without the provider, which is not to be had everywhere.
FILLED_IN = """output "user_data" {
  value = templatefile("cloud-init.yaml", { contact = var.contact, bucket = var.bucket })
}
"""
TARGETS = set(re.findall(r"^([a-z0-9-]+):.*## ", MAKEFILE, re.M))


def steps(workflow: Path) -> list[dict[str, Any]]:
    """Every step of every job."""
    jobs: dict[str, Any] = yaml.safe_load(workflow.read_text("utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def test_there_is_a_workflow_for_each_place() -> None:
    assert {path.stem for path in WORKFLOWS} == {"ci", "deploy-ec2", "deploy-railway", "deploy-huggingface"}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_every_command_of_a_workflow_can_be_run_here(workflow: Path) -> None:
    for step in steps(workflow):
        if "run" in step:
            words = step["run"].split()
            assert set(words[1:]) <= TARGETS
            shown = subprocess.run(
                ["make", "--dry-run", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=True
            )
            checked = subprocess.run(["bash", "-n"], input=shown.stdout, text=True, capture_output=True, check=False)
            assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_cannot_run_for_ever_or_twice_at_once_and_keeps_no_credentials(workflow: Path) -> None:
    document = yaml.safe_load(workflow.read_text("utf-8"))
    assert document["permissions"] == {"contents": "read"}
    assert "group" in document["concurrency"]
    for job in document["jobs"].values():
        assert job["timeout-minutes"] <= 60
        assert job["runs-on"] == "ubuntu-24.04"
        assert set(job.get("permissions", {}).items()) <= {("contents", "read"), ("packages", "write")}
        for step in job["steps"]:
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_secrets_are_only_handed_over_as_variables_of_a_job_with_an_environment(workflow: Path) -> None:
    text = workflow.read_text("utf-8")
    document = yaml.safe_load(text)
    found = 0
    for job in document["jobs"].values():
        for name, value in job.get("env", {}).items():
            if "secrets." in str(value):
                found += 1
                assert "environment" in job or "secrets.GITHUB_TOKEN" in value, name
    assert text.count("secrets.") == found, "a secret is used elsewhere than in the env of a job"


def test_what_a_job_without_an_environment_reads_is_told_to_be_a_variable_of_the_repository() -> None:
    runbook = (EC2 / "README.md").read_text("utf-8")
    told = re.findall(r"variables? of the repository[^.:]*: ((?:`\w+`(?:, | and )?)+)", runbook)
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy-ec2.yml").read_text("utf-8"))["jobs"]
    read = {each for job in jobs.values() if "environment" not in job for each in re.findall(r"vars\.(\w+)", str(job))}
    assert read
    assert set(re.findall(r"\w+", " ".join(told))) - {"and"} == read


def test_nothing_is_deployed_for_the_pull_request_of_a_stranger() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy-ec2.yml").read_text("utf-8"))["jobs"]
    asked = jobs["images"]["if"]
    assert "github.event.workflow_run.event == 'push'" in asked
    assert "github.ref == 'refs/heads/main'" in asked
    assert jobs["deploy"]["needs"] == "images"
    assert "if" not in jobs["deploy"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_no_two_jobs_of_a_matrix_write_the_same_artefact(workflow: Path) -> None:
    for job in yaml.safe_load(workflow.read_text("utf-8"))["jobs"].values():
        names = [step["with"]["name"] for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
        assert all("matrix." in name for name in names if "strategy" in job)


@pytest.mark.parametrize("script", SCRIPTS, ids=place)
def test_a_script_stops_at_the_first_mistake_and_says_what_it_is_for(script: Path) -> None:
    text = script.read_text("utf-8")
    assert text.startswith("#!/usr/bin/env bash\n# ")
    assert "\nset -euo pipefail\n" in text
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", script], check=True)
    assert "set -x" not in text, "it would print secrets"


def test_the_scripts_that_need_a_value_name_it() -> None:
    for script in (DELIVERY / "push.sh", EC2 / "deploy.sh", DELIVERY / "railway" / "deploy.sh", SPACE / "deploy.sh"):
        done = subprocess.run([str(script)], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False)
        assert done.returncode != 0
        assert re.search(r"[A-Z_]+: expected ", done.stderr), place(script)


def test_only_the_three_doors_are_open_to_the_world() -> None:
    text = (EC2 / "main.tf").read_text("utf-8")
    rules = re.findall(r'resource "aws_vpc_security_group_ingress_rule" "(\w+)" \{(.*?)\n\}', text, re.S)
    to_the_world = {name for name, body in rules if '"0.0.0.0/0"' in body}
    assert to_the_world == {"web"}
    assert 'toset(["80", "443"])' in dict(rules)["web"]
    assert re.search(r"from_port\s+= 22\s", dict(rules)["ssh"])
    assert "referenced_security_group_id" in dict(rules)["database"]


def test_disks_are_encrypted_and_the_machines_role_needs_a_token() -> None:
    text = (EC2 / "main.tf").read_text("utf-8")
    assert re.search(r'http_tokens\s+= "required"', text)
    assert len(re.findall(r"(?:storage_)?encrypted\s+= true", text)) == 2
    assert re.search(r"publicly_accessible\s+= false", text)


def test_every_input_of_the_plan_is_described_typed_and_used() -> None:
    others = "".join(path.read_text("utf-8") for path in EC2.glob("*.tf") if path.name != "variables.tf")
    found = re.findall(r'variable "(\w+)" \{(.*?)\n\}', (EC2 / "variables.tf").read_text("utf-8"), re.S)
    assert found
    for name, body in found:
        assert "description =" in body, name
        assert re.search(r"type\s+= ", body), name
        assert f"var.{name}" in others, name
    assert set(re.findall(r"var\.(\w+)", others)) == {name for name, _ in found}


@NEEDS_TERRAFORM
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, None),
        ({"operator_cidrs": ["203.0.113.7/32", "198.51.100.0/24"]}, None),
        ({"operator_cidrs": ["0.0.0.0/0"]}, "not the whole internet"),
        ({"operator_cidrs": ["203.0.113.7"]}, "Expected IPv4 networks"),
        ({"operator_cidrs": []}, "Expected IPv4 networks"),
        ({"database_subnet_ids": ["subnet-1"]}, "Expected two subnets or more"),
        ({"bucket": "Air Paradis"}, "Expected 3 to 63 lower-case letters"),
        ({"contact": "ops"}, "Expected a mail address"),
        ({"environment": "Production!"}, "Expected 2 to 21 lower-case letters"),
        ({"vpc_id": None}, "vpc_id"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_inputs_of_the_plan_are_refused_before_anything_is_made(
    tmp_path: Path, changed: dict[str, object], told: str | None
) -> None:
    shutil.copy(EC2 / "variables.tf", tmp_path)
    shutil.copy(EC2 / "cloud-init.yaml", tmp_path)
    (tmp_path / "outputs.tf").write_text(FILLED_IN)
    inputs = {name: value for name, value in (INPUTS | changed).items() if value is not None}
    (tmp_path / "terraform.tfvars.json").write_text(json.dumps(inputs))
    command = ["terraform", f"-chdir={tmp_path}", "plan", "-no-color", "-input=false", "-lock=false"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if told is None:
        assert done.returncode == 0, done.stderr
        assert "BUCKET=air-paradis-vigie" in done.stdout
        assert "acme.email=ops@air-paradis.example" in done.stdout
    else:
        assert done.returncode == 1
        assert told in done.stderr


@NEEDS_TERRAFORM
def test_the_plan_is_formatted_and_parses() -> None:
    done = subprocess.run(
        ["terraform", f"-chdir={EC2}", "fmt", "-check", "-diff"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_database_is_no_newer_than_what_backs_it_up() -> None:
    text = (EC2 / "main.tf").read_text("utf-8")
    debian = re.search(r"debian/release/(\d+)/", text)
    database = re.search(r'engine_version\s+= "(\d+)"', text)
    assert debian
    assert database
    assert int(database[1]) <= PG_DUMP_OF_DEBIAN[debian[1]]
    assert f'family = "postgres{database[1]}"' in text
    assert "postgresql-client" in (EC2 / "cloud-init.yaml").read_text("utf-8")


def test_the_clusters_api_is_where_its_pods_look_for_it() -> None:
    text = (EC2 / "cloud-init.yaml").read_text("utf-8")
    assert "bind-address" not in text, "on the loopback the pods of k3s itself would not find it; no door leads to it"


def test_the_machine_is_set_up_with_pinned_versions_and_without_secrets() -> None:
    text = (EC2 / "cloud-init.yaml").read_text("utf-8")
    assert text.startswith("#cloud-config\n")
    document = yaml.safe_load(text.replace("${contact}", "ops@example.org").replace("${bucket}", "a-bucket"))
    for file in document["write_files"]:
        if file["path"].endswith(".yaml"):
            assert list(yaml.safe_load_all(file["content"])), file["path"]
    assert set(re.findall(r"v\d+\.\d+\.\d+\+k3s\d+", text)) == {"v1.33.4+k3s1"}
    assert set(re.findall(r"\$\{(\w+)\}", text)) == set(
        re.findall(
            r"^    (\w+)\s+= ",
            (EC2 / "main.tf").read_text("utf-8").partition("templatefile")[2].partition("})")[0],
            re.M,
        )
    )
    files = {
        file["path"]: yaml.safe_load(file["content"])
        for file in document["write_files"]
        if "k3s/" in file["path"] and "manifests" not in file["path"]
    }
    told = dict(word.split("=", 1) for word in files["/etc/rancher/k3s/config.yaml"]["kube-apiserver-arg"])
    assert files[told["audit-policy-file"]]["rules"], "without a policy nothing is logged"
    script = "\n".join(document["runcmd"])
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
