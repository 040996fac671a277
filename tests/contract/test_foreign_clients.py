"""The clients of KServe and Triton talk to every predictor, and to the gateway in front of it."""

import json
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gateway.app import create_app
from gateway.settings import GatewaySettings
from tests.contract.predictors import PredictorUnderTest
from tests.support.peers import Peer
from tests.support.servers import RedisServer
from vigie.inference import LABEL, PROBABILITY

pytestmark = pytest.mark.timeout(400)

CLIENTS = ("kserve==0.21.0", "tritonclient[http]==2.73.0")
TEXTS = ["late again @delta", "lovely crew, thanks!", "☂️ où est ma valise ???"]


def ask(url: str, model: str, key: str = "") -> dict[str, Any]:
    """What both clients got, in an environment of their own."""
    uv = Path(".venv/bin/uv").resolve()
    command = [str(uv), "run", "--no-project", "--isolated", "--quiet", "--python", "3.11"]
    for client in CLIENTS:
        command += ["--with", client]
    script = Path("tests/support/foreign_clients.py")
    done = subprocess.run(
        [*command, "python", str(script), url, model, key, *TEXTS],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_they_get_from_a_predictor_what_it_says(steady: PredictorUnderTest) -> None:
    said = ask(str(steady.client.base_url), steady.family.name)
    answer = steady.infer(TEXTS)
    assert set(said) == {"kserve", "triton"}
    for client in said.values():
        assert (client["live"], client["ready"]) == (True, True)
        for form in {"json", "binary"} & set(client):
            probabilities, labels = client[form]
            assert probabilities == pytest.approx(answer.output(PROBABILITY), abs=1e-6)
            assert labels == answer.output(LABEL)


def test_they_get_the_same_through_the_gateway_with_a_key(
    steady: PredictorUnderTest, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = steady.family.name
    monkeypatch.setattr("gateway.predictors.STATUS_TIMEOUT_SECONDS", 20)
    monkeypatch.setenv(f"PREDICTOR_{name.upper()}_PORT", str(steady.client.base_url.port))
    told = GatewaySettings.read(
        models=name,
        default_model=name,
        redis_url=redis_server.url,
        predict_timeout_seconds=60,
        gateway_api_keys=f"clients:{sha256(b'key').hexdigest()}:predict",
    )
    with Peer(create_app(told), lifespan="on") as gateway:
        said = ask(gateway.url, name, "key")
    answer = steady.infer(TEXTS)
    for client in said.values():
        for form in {"json", "binary"} & set(client):
            probabilities, labels = client[form]
            assert probabilities == pytest.approx(answer.output(PROBABILITY), abs=1e-5)
            assert labels == answer.output(LABEL)
