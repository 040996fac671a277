"""A file of tweets: what is in it, what a spreadsheet did to it, its predictions, and the files to take away."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from ui.damage import find_damage
from ui.desk import PRESSED, QUIET, Desk
from ui.exporting import export_files
from ui.gateway import Trouble
from ui.reading import Table, UnreadableFile, likely_text, read_table
from ui.scoring import Progress, Run, Wanted, score
from ui.summary import WANTED, charts_of, choose, summarise
from ui.turns import Turns

PREVIEW_ROWS = 5
FILES_AT_ONCE = 4
# Gradio sends the last values once more when there are no others, over what the page shows by then.
NO_CHANGE = tuple([gr.skip()] * 9)


def build(desk: Desk) -> gr.Radio:
    """The tab; gives its choice of a family."""
    t, do = desk.texts, FileEvents(desk)
    with gr.Tab(t("file.tab"), elem_id="tab-file"):
        table, run = gr.State(None), gr.State(Run())
        upload = gr.File(
            label=t("file.label"), file_types=[".csv", ".tsv", ".txt", ".parquet"], type="filepath", elem_id="upload"
        )
        preview = desk.html(desk.pen().write("file_nothing"), elem_id="preview")
        column = gr.Radio([], label=t("file.column"), visible=False, elem_id="column")
        family = gr.Radio([], label=t("predict.family"), info=t("page.loading"), elem_id="file-family")
        with gr.Row():
            start = gr.Button(t("file.start"), variant="primary", visible=False, elem_id="start")
            stop = gr.Button(t("file.stop"), visible=False, elem_id="stop")
        progress = desk.html(elem_id="progress")
        with gr.Row(visible=False) as downloads:
            safe, raw, errors = (
                gr.DownloadButton(t(f"file.download.{name}"), elem_id=f"download-{name}")
                for name in ("safe", "raw", "errors")
            )
        with gr.Row(visible=False, elem_id="filters") as filters:
            kinds = [(t(f"file.wanted.{wanted}"), wanted) for wanted in WANTED]
            wanted = gr.Radio(kinds, value="all", label=t("file.filter"), scale=3, elem_id="wanted")
            search = gr.Textbox("", label=t("file.search"), scale=2, elem_id="search")
        result = desk.html(elem_id="file-result")
    read = [table, run, preview, column, start, stop, progress, filters, result, downloads]
    upload.change(do.read, [upload, run], read, concurrency_limit=FILES_AT_ONCE, **QUIET)
    column.change(do.show, [table, column], [preview], **QUIET)
    outputs = [start, stop, progress, filters, result, downloads, safe, raw, errors]
    # Pressed during another run: one that was left may still be ending.
    start.click(do.run, [table, column, family, run, wanted, search], outputs, **PRESSED)
    stop.click(do.cancel, [run], [progress], **QUIET)
    gr.on([wanted.change, search.change], do.filter, [run, wanted, search], [result], **QUIET)
    return family


@dataclass(frozen=True, slots=True)
class FileEvents:
    """What happens when; each gives the new values of the components that it is wired to."""

    desk: Desk
    turns: Turns = field(default_factory=lambda: Turns(FILES_AT_ONCE))

    def read(self, path: str | None, run: Run) -> tuple[Any, ...]:
        """Reads the file, and leaves the one before: table, run, preview, column, then what stands below them."""
        run.leave()
        hidden = gr.update(visible=False)
        below = [hidden, "", hidden, "", hidden]  # stop, progress, filters, result, downloads
        if path is None:
            return None, Run(), self.desk.pen().write("file_nothing"), hidden, hidden, *below
        try:
            table = read_table(Path(path))
        except UnreadableFile as error:
            said = self.desk.pen().notice(self.desk.texts(error.key, **error.values))
            return None, Run(), said, hidden, hidden, *below
        column = likely_text(table)
        choice = gr.Radio(list(table.columns), value=column, visible=True)
        start = gr.update(visible=True, interactive=True)
        return table, Run(), self.show(table, column), choice, start, *below

    def show(self, table: Table | None, column: str) -> str:
        """The preview with what is wrong when that column holds the tweets."""
        if table is None or column not in table.columns:
            return ""
        damage, rows = find_damage(table, column), table.rows(PREVIEW_ROWS)
        return self.desk.pen().write("file_preview", table=table, column=column, damage=damage, rows=rows)

    async def run(  # noqa: PLR0917 - Gradio passes the values of components by position
        self, table: Table | None, column: str, family: str | None, run: Run, wanted: Wanted, search: str
    ) -> AsyncIterator[tuple[Any, ...]]:
        """Predicts: start, stop, progress, filters, result, downloads, and the three files.

        Nothing changes by a second press until the files are written, nor once the reader has gone on to another file.
        """
        pen, keep = self.desk.pen(), [gr.skip()] * 6
        if table is None:
            yield gr.skip(), gr.skip(), pen.notice(self.desk.texts("page.forgotten")), *keep
            return
        if run.under_way:
            yield NO_CHANGE
            return
        run.wanted, run.search = wanted, search
        busy, idle, notice = gr.update(interactive=False), gr.update(visible=True, interactive=True), ""
        async with self.turns.taken(run) as before:
            await run.begin(table, column, family, self.desk.texts)
            try:
                async with aclosing(self._steps(run, before)) as steps:
                    async for said in steps:
                        if run.left:
                            break
                        yield busy, idle, said, *keep
            except Trouble as trouble:
                notice = pen.trouble(trouble)
            last = await self._last(run, notice)
        yield last

    async def _steps(self, run: Run, before: AsyncIterator[int]) -> AsyncGenerator[str, None]:
        """What to tell until it is done or cancelled, first while others are `before` it; raises `Trouble`."""
        pen = self.desk.pen()
        async for waiting in before:
            yield pen.notice(self.desk.texts.count("file.waits", waiting), kind="info")
        yield pen.write("file_progress", progress=Progress(run.done, run.total, None))
        async with aclosing(score(run, self.desk.gateway)) as steps:
            async for progress in steps:
                yield pen.write("file_progress", progress=progress)

    async def _last(self, run: Run, notice: str) -> tuple[Any, ...]:
        """The outputs of `run` at its end; the files are written meanwhile, unless it was left."""
        if run.left:
            return NO_CHANGE
        files = await asyncio.to_thread(export_files, run, self.desk.texts)
        result = await asyncio.to_thread(self._result, run)
        if run.left:
            return NO_CHANGE
        pen, hidden, shown = self.desk.pen(), gr.update(visible=False), gr.update(visible=True)
        ended = notice + pen.write("file_ended", run=run, left=len(run.waiting()))
        return gr.update(visible=True, interactive=True), hidden, ended, shown, result, shown, *files

    def cancel(self, run: Run) -> Any:
        """Stops after the batches that are under way."""
        run.cancelled = True
        return self.desk.pen().notice(self.desk.texts("file.stopping"), kind="info")

    def filter(self, run: Run, wanted: Wanted, search: str) -> str:
        """Summary, charts and the rows of that kind, which are those shown at the end of `run` too."""
        run.wanted, run.search = wanted, search
        return self._result(run)

    def _result(self, run: Run) -> str:
        if not run.answers:
            return ""
        summary = summarise(run)
        rows, hits = choose(run, run.wanted, run.search)
        charts = charts_of(summary, self.desk.texts)
        return self.desk.pen().write("file_result", summary=summary, charts=charts, rows=rows, hits=hits)
