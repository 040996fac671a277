"""Figures of models as people read them, and what a promotion changed."""

from datetime import UTC, datetime

import pytest
from markupsafe import escape

from ui.models import COMPARED, COSTS, QUALITY, Change, Comparison
from ui.rendering import Pen
from vigie.cards import ModelCard
from vigie.ledger import Entry
from vigie.model_status import ModelStatus, Rejection
from vigie.trials import TrialReport
from vigie.wording import LANGUAGES, Language, texts_in

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ACCURACY, *_, LOG_LOSS, _CALIBRATION = QUALITY


def card(**known: object) -> ModelCard:
    whole = {"name": "logreg", "title": "", "version": "2", "created_at": NOON, "libraries": {}, "metrics": {}}
    return ModelCard.model_validate(whole | known)


def test_a_figure_is_written_in_the_language_and_a_missing_one_is_a_dash() -> None:
    metrics = {"accuracy": 0.8125, "accuracy.airline": 0.9, "latency_ms": 1.234}
    assert ACCURACY.shown(metrics, texts_in("en")) == "81.2%"
    assert ACCURACY.shown(metrics, texts_in("en"), ".airline") == "90.0%"
    assert COSTS[0].shown(metrics, texts_in("fr")) == "1,23"
    assert COSTS[1].shown(metrics, texts_in("fr")) == "–"


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (Change(ACCURACY, 0.80, 0.81), "better"),
        (Change(ACCURACY, 0.81, 0.80), "worse"),
        (Change(ACCURACY, 0.8001, 0.8004), "same"),
        (Change(LOG_LOSS, 0.40, 0.41), "worse"),
        (Change(LOG_LOSS, 0.41, 0.40), "better"),
    ],
)
def test_a_change_is_judged_by_what_is_better_and_by_the_digits_shown(change: Change, verdict: str) -> None:
    assert change.verdict == verdict


def test_only_what_was_measured_on_both_sides_is_a_change() -> None:
    measured = {"metrics": {"accuracy": 0.8, "f1": 0.7}, "metrics_before": {"accuracy": 0.7}}
    move = {"at": NOON, "who": "ada", "kind": "promote", "from": "1", "to": "2", "why": "passed"}
    promotion = Entry.model_validate(move | measured)
    seen = Comparison([], "logreg", card(promotion=promotion, metrics={"accuracy.b": 1, "accuracy.a": 1, "f1.a": 1}))
    assert seen.changes == [Change(ACCURACY, 0.7, 0.8)]
    assert seen.data_sets == ["a", "b"]
    nothing = Comparison([], "logreg", None)
    assert (nothing.changes, nothing.data_sets, nothing.calibration) == ([], [], [])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_card_tells_what_is_known_and_what_is_not(language: Language) -> None:
    pen = Pen(texts_in(language))

    def t(key: str) -> str:
        return escape(texts_in(language)(key))

    bare = Comparison([], "logreg", card())
    assert t("models.no_pictures") in pen.write("models_card", seen=bare, figures=QUALITY)
    assert t("models.no_promotion") in pen.write("models_card", seen=bare, figures=QUALITY)
    measured = {"metrics": {"accuracy": 0.8}, "metrics_before": {"accuracy": 0.7}, "forced": True}
    move = {"at": NOON, "who": "<ada>", "kind": "rollback", "from": "3", "to": "2", "why": "three was slow"}
    held_out = {
        "rows": 4,
        "confusion": [[2, 0], [1, 1]],
        "roc": [(each / 30, each / 30) for each in range(31)],
        "calibration": [{"said": 0.2, "true": 0.25, "rows": 4}],
    }
    known = card(promotion=Entry.model_validate(move | measured), held_out=held_out)
    written = pen.write("models_card", seen=Comparison([], "logreg", known), figures=QUALITY)
    assert all(
        t(key) in written for key in ("models.confusion", "models.roc", "models.forced", "models.verdict.better")
    )
    assert ("&lt;ada&gt;" in written, "<ada>" in written) == (True, False)
    nothing = Comparison([], "logreg", None)
    assert t("models.nothing") in pen.write("models_card", seen=nothing, figures=QUALITY)
    assert t("models.compared") in pen.write("models_table", seen=nothing, figures=COMPARED)


def test_the_table_says_which_family_is_best_and_which_version_was_kept_out() -> None:
    families = [
        ModelStatus(name="logreg", title="TF-IDF", ready=True, version="3", metrics={"accuracy": 0.8, "latency_ms": 1}),
        ModelStatus(
            name="lstm",
            title="LSTM",
            ready=True,
            version="1",
            metrics={"accuracy": 0.9, "latency_ms": 9},
            rejected=Rejection(version="2", reason="too slow"),
            stale_since=NOON,
        ),
    ]
    seen = Comparison(families, "logreg", None)
    assert [seen.best(figure) for figure in COMPARED if figure.name in ("accuracy", "latency_ms")] == ["lstm", "logreg"]
    assert Comparison(families[:1], "logreg", None).best(COMPARED[0]) is None, "nothing to compare it with"
    table = Pen(texts_in("en")).write("models_table", seen=seen, figures=COMPARED)
    assert "Version 2 was kept out: too slow" in table
    assert "the registry does not answer since" in table


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_on_trial_stands_beside_the_champion(language: Language) -> None:
    sides = {"trial": {"version": "4", "answered": 120, "errors": 3, "right": 9}, "champion": {"version": "3"}}
    counts = {"compared": 1200, "agreed": 1140, "judged": 14, "since": NOON}
    stop = {"model": "logreg", "version": "4", "at": NOON, "reason": "errs", "detail": "failed for 3 of 9 tweets"}
    told = (
        {"alias": "challenger"} | counts,
        {"alias": "challenger", "stopped": stop},
        {"alias": "shadow", "kept_out": "version 4: <no card>"},
    )
    trials = [TrialReport.model_validate({"model": "logreg"} | sides | each) for each in told]
    family = ModelStatus(name="logreg", title="TF-IDF", ready=True, version="3", trials=trials)
    t, pen = texts_in(language), Pen(texts_in(language))
    table = pen.write("models_table", seen=Comparison([family], "logreg", None), figures=COMPARED)
    alike = t("models.of", share=t.percent(0.95, 1), count=t.number(1200))
    right = t("models.right_of", count=9, judged=14, champion=0)
    said = [t("models.beside", version="3"), t("models.alias.shadow"), alike, right, t("models.trial.errs")]
    for each in [*said, stop["detail"], "<no card>", t("models.trial.runs_since")]:
        assert escape(each) in table
    nothing = pen.write("models_table", seen=Comparison([], "logreg", None), figures=COMPARED)
    assert escape(t("models.no_trials")) in nothing
