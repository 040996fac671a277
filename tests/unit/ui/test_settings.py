"""What stops the page from starting."""

import pytest

from ui.settings import UiSettings


def test_production_needs_a_key_for_the_gateway() -> None:
    with pytest.raises(SystemExit, match="GATEWAY_API_KEY: in production"):
        UiSettings.read(vigie_env="production")
    assert UiSettings.read(vigie_env="production", gateway_api_key="k").ui_port == 7860


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gateway_url": "gateway:8000"}, "GATEWAY_URL: expected the URL of the gateway"),
        ({"gateway_url": "http://gateway:0"}, "GATEWAY_URL: expected the URL of the gateway"),
        ({"gateway_url": "http://[gateway"}, "GATEWAY_URL: expected the URL of the gateway"),
        ({"ui_root_path": "vigie"}, "UI_ROOT_PATH: expected a path that starts with /"),
        ({"ui_framed_by": "*; script-src *"}, "UI_FRAMED_BY: expected the origin of a site"),
        ({"ui_refresh_seconds": "inf"}, "UI_REFRESH_SECONDS: Input should be a finite number"),
        ({"ui_refresh_seconds": "1e10"}, "UI_REFRESH_SECONDS: Input should be less than or equal to 86400"),
        ({"ui_language": "de"}, "UI_LANGUAGE"),
    ],
)
def test_what_cannot_be_is_named(given: dict[str, str], message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        UiSettings.read(**given)


def test_the_key_is_never_shown() -> None:
    assert "hidden" not in repr(UiSettings.read(gateway_api_key="hidden"))
