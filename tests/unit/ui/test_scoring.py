"""Rows of a file on their way through a gateway that does as it is told."""

import csv
import tempfile
from pathlib import Path

import pytest

from tests.support.gateways import FakeGateway
from ui.exporting import export_files
from ui.gateway import BATCHES_AT_ONCE, Trouble
from ui.reading import Table, read_table
from ui.scoring import BATCH_BYTES, BATCH_ROWS, Progress, Run, batches_of, score
from ui.summary import choose, summarise
from vigie.wording import texts_in

EN = texts_in("en")


def table(*texts: str) -> Table:
    return Table("tweets.csv", "CSV", {"id": [str(number) for number in range(len(texts))], "text": list(texts)})


async def begun(*texts: str) -> Run:
    run = Run()
    await run.begin(table(*texts), "text", "logreg", EN)
    return run


async def finish(run: Run, gateway: FakeGateway) -> list[Progress]:
    return [progress async for progress in score(run, gateway.client)]


async def test_every_row_gets_its_own_answer_and_bad_rows_a_reason() -> None:
    run = await begun(*("bad" if number % 3 else "good" for number in range(1200)), "", "x" * 2001)
    async with FakeGateway() as gateway:
        progress = await finish(run, gateway)
    assert [answer.prediction_label if answer else None for answer in run.answers] == [
        *(0 if number % 3 else 1 for number in range(1200)),
        None,
        None,
    ]
    assert list(run.problems) == [1200, 1201]
    assert "at most 2,000" in run.problems[1201]
    assert (progress[-1].done, progress[-1].total) == (1200, 1200)
    assert sorted(gateway.sizes) == [200, 500, 500]


async def test_each_row_names_the_version_that_answered_it() -> None:
    run = await begun("tried and bad", "bad", "good", "tried again")
    async with FakeGateway() as gateway:
        await finish(run, gateway)
    assert sorted(summarise(run).by_model) == [("logreg 7", 2), ("logreg 8", 2)]
    for path in export_files(run, EN)[:2]:
        assert [row[5] for row in read(path)[1:]] == ["8", "7", "7", "8"]
    assert len({id(answer.model) for answer in run.answers if answer}) == 2, "kept once for all rows"


async def test_a_full_queue_is_waited_for() -> None:
    run = await begun("bad", "good")
    async with FakeGateway(refuse=[429, 503]) as gateway:
        await finish(run, gateway)
    assert run.done == 2


async def test_a_refused_key_ends_it_and_what_was_answered_stays() -> None:
    rows = BATCH_ROWS * (BATCHES_AT_ONCE + 1)
    run = await begun(*["bad"] * rows)
    async with FakeGateway(refuse=[None] * BATCHES_AT_ONCE + [401]) as gateway:
        with pytest.raises(Trouble) as found:
            await finish(run, gateway)
        assert found.value.code == "unauthorized"
        assert 0 < run.done < rows, "the last batch is sent when one is answered"
        done = run.done
        await run.begin(run.table or table(), "text", "logreg", EN)
        assert run.done == done, "the same again goes on"
        await finish(run, gateway)
    assert run.done == rows
    await run.begin(run.table or table(), "text", "lstm", EN)
    assert run.done == 0, "another family starts over"


async def test_a_cancelled_run_sends_no_more_and_keeps_every_answer_that_was_under_way() -> None:
    run = await begun(*["bad"] * 10_000)
    async with FakeGateway() as gateway:
        async for progress in score(run, gateway.client):
            run.cancelled = progress.done > 0
        assert run.done == sum(gateway.sizes) == BATCHES_AT_ONCE * BATCH_ROWS
        await run.begin(run.table or table(), "text", "logreg", EN)
        await finish(run, gateway)
        assert run.done == sum(gateway.sizes) == 10_000, "no row is sent twice"


async def test_a_small_file_comes_in_between_the_batches_of_a_large_one() -> None:
    large, small = await begun(*["bad"] * 20_000), await begun("good")
    async with FakeGateway() as gateway:
        async for progress in score(large, gateway.client):
            if progress.done:
                await finish(small, gateway)
                break
        assert small.done == 1
        assert large.done < 20_000


def test_batches_fit_into_what_the_gateway_takes() -> None:
    texts = ["é" * 2000] * 1000
    sizes = [len(batch) for batch in batches_of(range(1000), texts)]
    assert sum(sizes) == 1000
    assert max(sizes) * 4000 <= BATCH_BYTES / 2 * 1.01


async def test_files_hold_every_row_safe_raw_and_with_errors() -> None:
    run = await begun("=bad(1)", "good; really", "")
    async with FakeGateway() as gateway:
        await finish(run, gateway)
    safe, raw, errors = (read(path) for path in export_files(run, EN))
    assert safe[0] == ["id", "text", *(f"vigie_{name}" for name in COLUMNS)]
    assert [row[1] for row in safe[1:]] == ["'=bad(1)", "good; really", ""]
    assert [row[1] for row in raw[1:]] == ["=bad(1)", "good; really", ""]
    assert safe[1][2:6] == ["negative", "0.900000", "logreg", "7"]
    assert errors == [["row", "problem", "text"], ["4", EN("trouble.text_empty"), ""]]
    assert read(export_files(run, texts_in("fr"))[0], ";")[0] == safe[0]


async def test_rows_after_blank_lines_are_told_by_their_line_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "tweets.csv"
    path.write_text("text\nfirst\n\n\nsecond\n" + "x" * 2001 + "\n")
    run = Run()
    await run.begin(read_table(path), "text", "logreg", EN)
    assert [row.number for row in choose(run, "all", "")[0]] == [2, 5, 6]
    assert [row[0] for row in read(export_files(run, EN)[2])] == ["row", "2", "5", "6"]


@pytest.mark.parametrize("cell", ["＝1+1", "\n=1+1", " =1+1"])
async def test_what_hides_a_formula_is_made_harmless_as_votes_are(cell: str) -> None:
    safe, raw, _ = (read(path) for path in export_files(await begun(cell), EN))
    assert (safe[1][1], raw[1][1]) == (f"'{cell}", cell)


async def test_a_header_is_as_safe_as_the_cells_below_it() -> None:
    run = Run()
    await run.begin(Table("list.csv", "CSV", {"=bad(1)": ["late"]}), "=bad(1)", "logreg", EN)
    safe, raw, errors = (read(path) for path in export_files(run, EN))
    assert (safe[0][0], raw[0][0], errors[0][2]) == ("'=bad(1)", "=bad(1)", "'=bad(1)")


async def test_an_old_folder_that_another_thread_removes_meanwhile_is_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run = await begun("late")
    home = Path(export_files(run, EN)[0]).parents[1]
    (home / "old").symlink_to(tmp_path / "removed")  # listed still, and not there when it is looked at
    assert len(read(export_files(run, EN)[0])) == 2


async def test_the_summary_counts_and_filters_choose() -> None:
    run = await begun("bad one", "bad two", "good", "")
    async with FakeGateway() as gateway:
        await finish(run, gateway)
    summary = summarise(run)
    assert (summary.predicted, summary.negative, summary.refused, summary.by_model) == (3, 2, 1, [("logreg 7", 3)])
    assert summary.bins == [0, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    assert [row.text for row in choose(run, "negative", "")[0]] == ["bad one", "bad two"]
    assert [row.number for row in choose(run, "all", "TWO")[0]] == [3]
    assert choose(run, "refused", "")[1] == 1


COLUMNS = ("sentiment", "probability_negative", "model", "version", "prediction_id")


def read(path: str, delimiter: str = ",") -> list[list[str]]:
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))
