"""The page as a Hugging Face Space: what is sent there, started as its Dockerfile says, within the site's own frame."""

import io
import os
import re
import shlex
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from subprocess import run

import pytest
import yaml
from playwright.sync_api import Browser, expect

from tests.architecture.sources import ROOT
from tests.support.browser import visit
from tests.support.gateways import FakeGateway
from tests.support.servers import ServerProcess, free_port
from ui.settings import UiSettings

pytestmark = pytest.mark.timeout(300)

DOCKERFILE = (ROOT / "services/ui/huggingface/Dockerfile").read_text("utf-8").replace("\\\n", " ")
SENT = ("constraints.txt", "shared", "services/ui")


def told(instruction: str) -> str:
    """What the Dockerfile says after the last such instruction."""
    return str(re.findall(rf"^{instruction} (.*)$", DOCKERFILE, re.MULTILINE)[-1])


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Space that knows a gateway and a key, and has nothing but the files that are sent to it."""
    folder = tmp_path_factory.mktemp("space")
    command = ["git", "-C", str(ROOT), "archive", "HEAD", *SENT]
    with tarfile.open(fileobj=io.BytesIO(run(command, check=True, capture_output=True).stdout)) as sent:
        sent.extractall(folder, filter="data")
    given = dict(each.split("=", 1) for each in shlex.split(told("ENV")))
    given["PATH"] = given["PATH"].replace("$PATH", os.environ["PATH"])
    given["PYTHONPATH"] = f"{folder / 'shared/src'}:{folder / 'services/ui/src'}"
    port = free_port()
    program, *arguments = yaml.safe_load(told("CMD"))
    assert program == "python"
    with FakeGateway() as gateway:
        given |= {"UI_PORT": str(port), "GATEWAY_URL": gateway.url, "GATEWAY_API_KEY": "key"}
        served = ServerProcess([sys.executable, *arguments], port=port, log=folder / "ui.log", environment=given)
        served.start(seconds=240)
        try:
            yield f"http://127.0.0.1:{port}/"
        finally:
            served.stop()


def test_a_space_predicts_with_nothing_but_the_url_of_a_gateway_and_a_key(browser: Browser, space: str) -> None:
    with visit(browser, space) as seen:
        seen.page.locator("#tweets textarea").fill("a bad flight")
        seen.page.locator("#predict").click()
        expect(seen.page.locator(".tweet .answer")).to_contain_text("Négatif")
        assert (seen.foreign, seen.complaints) == ([], [])


def test_a_space_may_be_shown_in_the_sites_frame_and_in_no_other(browser: Browser, space: str) -> None:
    policy = browser.new_context().request.get(f"{space}fr/").headers["content-security-policy"]
    assert policy == "frame-ancestors 'self' https://huggingface.co"


def test_what_the_sites_card_says_is_where_the_page_listens() -> None:
    _, card, _ = (ROOT / "services/ui/huggingface/README.md").read_text("utf-8").split("---\n", 2)
    default = UiSettings.model_fields["ui_port"].default
    assert (yaml.safe_load(card)["app_port"], int(told("EXPOSE"))) == (default, default)
    deploy = Path(ROOT / "services/ui/huggingface/deploy.sh").read_text("utf-8")
    assert f"git archive HEAD {' '.join(SENT)} |" in deploy
