"""What the server answers beside the pages: the ways to them, and their sign."""

from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import FileResponse, PlainTextResponse, RedirectResponse

from vigie.wording import Language


def doors(root_path: str, default: Language, edition: str) -> APIRouter:
    """Routes that lead to the pages, which browsers see below `root_path`; `edition` is another after every start."""
    router = APIRouter()

    @router.head("/")
    @router.get("/")
    async def start() -> RedirectResponse:
        """The page in the default language."""
        return RedirectResponse(f"{root_path}/{default}/")

    @router.get("/fr")
    async def french() -> RedirectResponse:
        """The French page."""
        return RedirectResponse(f"{root_path}/fr/")

    @router.get("/en")
    async def english() -> RedirectResponse:
        """The English page."""
        return RedirectResponse(f"{root_path}/en/")

    @router.get("/edition")
    async def tell_edition() -> PlainTextResponse:
        """By which a page sees that its server was started anew."""
        return PlainTextResponse(edition)

    @router.get("/favicon.ico")
    @router.get("/{language}/favicon.ico")
    async def sign(language: Language = default) -> FileResponse:
        """What a browser shows on its tab."""
        return FileResponse(str(files("ui").joinpath("static", "favicon.png")), media_type="image/png")

    return router
