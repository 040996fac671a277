"""Wires the page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from uuid import uuid4

import gradio as gr
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from ui.failures import answer_alike
from ui.gateway import Gateway
from ui.look import head, own_words, style, theme
from ui.own_page import OwnPageOnly
from ui.page import build_page
from ui.prefix import BelowPrefix
from ui.routes import doors
from ui.sessions import keep_alive
from ui.settings import UiSettings
from vigie.schemas import Readiness
from vigie.web import service_app
from vigie.wording import LANGUAGES, Language, texts_in

UPLOAD_LIMIT = 32 * 1024 * 1024
# Gradio looks a thousand times a second whether somebody waits: a twentieth of a processor, and no setting.
QUEUE_POLL_SECONDS = 0.02


def create_app(settings: UiSettings | None = None) -> FastAPI:
    """The page in every language, each at a path of its own; without `settings` it reads them from the environment."""
    settings = settings or UiSettings.read()
    key = settings.gateway_api_key
    gateway = Gateway(settings.gateway_url, key.get_secret_value() if key else None)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await gateway.close()

    async def readiness() -> Readiness:
        return Readiness(ready=True, dependencies={"gateway": await gateway.probe()})

    app: FastAPI = service_app(
        "Vigie page",
        lifespan=lifespan,
        readiness=readiness,
        body_limit=UPLOAD_LIMIT,
        framed_by=settings.ui_framed_by,
        openapi_url=None,
    )
    app.add_middleware(CORSMiddleware, allow_origins=())  # Gradio, left alone, lets every site in
    refresh = settings.ui_refresh_seconds
    pages = {language: build_page(gateway, texts_in(language), refresh_seconds=refresh) for language in LANGUAGES}
    functions = {number for page in pages.values() for number in page.fns}
    app.add_middleware(OwnPageOnly, functions=functions, seen=partial(keep_alive, list(pages.values())))
    if settings.ui_root_path:
        app.add_middleware(BelowPrefix, prefix=settings.ui_root_path)
    edition = uuid4().hex
    app.include_router(doors(settings.ui_root_path, settings.ui_language, edition))
    for language, page in pages.items():
        _mount(app, page, language, settings, edition)
    answer_alike(app)
    return app


def _mount(app: FastAPI, page: gr.Blocks, language: Language, settings: UiSettings, edition: str) -> None:
    texts = texts_in(language)
    gr.mount_gradio_app(
        app,
        page,
        path=f"/{language}",
        root_path=f"{settings.ui_root_path}/{language}",
        theme=theme(),
        css=style(),
        head=head(texts, edition, settings.ui_refresh_seconds),
        i18n=own_words(texts),
        footer_links=[],
        run_history=False,
        max_file_size=UPLOAD_LIMIT,
        show_error=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
    )
    queue = page._queue
    queue.sleep_when_free = queue.progress_update_sleep_when_free = QUEUE_POLL_SECONDS
