"""The page at `/docs`: Swagger UI from a pinned package, so that where people type keys no other site's code runs."""

from importlib.resources import files

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse

from vigie.errors import NotFound

PACKAGE = "fastapi_swagger.resources"
SCRIPT, STYLE, SIGN = NAMES = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")


def documentation(title: str) -> APIRouter:
    """The page, whose addresses are relative so that it may lie below a prefix, and its files."""
    router = APIRouter(prefix="/docs", include_in_schema=False)

    @router.get("")
    async def page() -> HTMLResponse:
        """What browsers show."""
        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title=title,
            swagger_js_url=f"docs/{SCRIPT}",
            swagger_css_url=f"docs/{STYLE}",
            swagger_favicon_url=f"docs/{SIGN}",
            swagger_ui_parameters={"validatorUrl": None},  # or a public page would be told where ours is
        )

    @router.get("/{name}")
    async def file(name: str) -> FileResponse:
        """What the page is made of."""
        if name not in NAMES:
            raise NotFound(f"expected one of {', '.join(NAMES)}, got {name[:80]!r}")
        return FileResponse(str(files(PACKAGE).joinpath(name)))

    return router
