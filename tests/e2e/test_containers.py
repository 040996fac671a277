"""What the engine says of the running containers."""

import pytest

from tests.e2e.stack import BASE_IMAGE, Stack, docker, image_megabytes
from vigie.catalogue import FAMILIES

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(2700)]
BARS = {family.service: 350 for family in FAMILIES} | {"gateway": 60, "predictor-logreg": 320}


def test_every_container_runs_without_rights_on_a_read_only_root(stack: Stack) -> None:
    for service in stack.services:
        container = stack.inspect(service)
        users = docker("top", container["Id"], "-eo", "pid,uid").split()[3::2]
        assert "0" not in users, service
        assert users, service
        host = container["HostConfig"]
        assert host["ReadonlyRootfs"] is True, service
        assert host["CapDrop"] == ["ALL"], service
        assert "no-new-privileges:true" in host["SecurityOpt"], service
        assert host["Memory"] > 0, service


def test_ports_are_published_on_loopback_only(stack: Stack) -> None:
    for service in stack.services:
        published = stack.inspect(service)["NetworkSettings"]["Ports"]
        hosts = {binding["HostIp"] for bindings in published.values() for binding in bindings or []}
        assert hosts <= {"127.0.0.1"}, f"{service} is published on {hosts}"


def test_images_stay_small(stack: Stack) -> None:
    base = image_megabytes(BASE_IMAGE)
    sizes = {
        service: image_megabytes(stack.inspect(service)["Image"]) - base
        for service in [*stack.services, "training"]
        if service not in ("redis", "mailpit")
    }
    stack.measured |= {f"image of {service}": f"base + {size:.0f} MB" for service, size in sizes.items()}
    assert not {service: size for service, size in sizes.items() if size > BARS.get(service, float("inf"))}
