"""The page's server, asked by others than its own page."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.pages import lone_page
from tests.support.servers import free_port
from vigie.schemas import ErrorBody

pytestmark = pytest.mark.timeout(300)

JOIN = "/en/gradio_api/queue/join"
ELSEWHERE = {"Host": "vigie.example.org", "Origin": "https://evil.example"}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a page whose gateway is not there."""
    folder = tmp_path_factory.mktemp("page")
    with (
        lone_page(folder, GATEWAY_URL=f"http://127.0.0.1:{free_port()}") as server,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as client,
    ):
        yield client


@pytest.mark.parametrize("path", ["/en/", "/en/config", "/en/gradio_api/info", "/healthz"])
def test_no_other_site_may_read_or_ask_what_a_reader_of_the_page_may(page: httpx.Client, path: str) -> None:
    answer = page.get(path, headers=ELSEWHERE)
    assert answer.status_code == 200
    preflight = page.options(path, headers=ELSEWHERE | {"Access-Control-Request-Method": "POST"})
    for each in (answer, preflight):
        allowed = {"access-control-allow-origin", "access-control-allow-credentials"}
        assert not allowed & set(each.headers)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"data": NaN}',
        b'{"data": ["\\ud800"], "fn_index": "x"}',
        b'{"data": "\\ud800"}',
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"data": [], "fn_index": 9999, "session_hash": "x"}',
        b'{"data": [], "fn_index": -1, "session_hash": "x"}',
        b'{"data": [], "session_hash": "x"}',
        b'{"data": [1e999, "\\ud800"], "fn_index": 0}',
        b'{"data": ["a"], "fn_index": 0, "session_hash": "\\ud800"}',
        b'{"data": ["a"], "fn_index": 0, "session_hash": ["x"]}',
    ],
    ids=str,
)
@pytest.mark.parametrize("path", [JOIN, "/en/gradio_api/run/predict", "/en/gradio_api/call/predict"])
def test_a_bad_body_is_the_clients_mistake_and_told_as_everywhere(page: httpx.Client, path: str, body: bytes) -> None:
    answer = page.post(path, content=body, headers={"Content-Type": "application/json", "X-Request-ID": "r1"})
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert ErrorBody.model_validate(answer.json(), extra="ignore").error.request_id == "r1"


@pytest.mark.parametrize(
    "path",
    [
        "/en/gradio_api/file=/etc/passwd",
        "/en/gradio_api/file=..%2f..%2fetc%2fpasswd",
        "/en/static/..%2f..%2f..%2f..%2fetc/passwd",
        "/en/assets/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/en/gradio_api/file=https://evil.example/",
        "/en/gradio_api/proxy=https://evil.example/x",
        "/en/gradio_api/nowhere",
        "/en/gradio_api/component_server",
    ],
)
def test_nothing_but_the_page_is_to_be_had(page: httpx.Client, path: str) -> None:
    with page.stream("GET", path, headers={"X-Request-ID": "r1"}) as answer:
        assert 400 <= answer.status_code < 500
        assert ErrorBody.model_validate_json(answer.read(), extra="ignore").error.request_id == "r1"
