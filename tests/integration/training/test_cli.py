"""`vigie-train` against a real MLflow server: from a file to the champion, and back."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import mlflow
import numpy as np
import pandas as pd
import psutil
import pytest
from mlflow import MlflowClient
from rich.default_styles import DEFAULT_STYLES

from predictor_logreg.predictor import LogregPredictor
from tests.integration.training.conftest import Run, done
from tests.support.rows import made_up
from tests.support.servers import MlflowServer, free_port, wait_for
from vigie.catalogue import find_family
from vigie.registry import MlflowRegistry
from vigie_training.data import SAMPLE_TWEETS, sample_texts
from vigie_training.rows import LABEL, TEXT, Rows

# MLflow warns of its own code.
pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("default")]
MODEL = find_family("logreg").registered_model


def written(rows: Rows, path: Path) -> Path:
    rows.frame[[TEXT, LABEL]].to_csv(path, index=False)
    return path


def runs(url: str) -> list[Any]:
    client = MlflowClient(url)
    experiment = client.get_experiment_by_name("vigie")
    return client.search_runs([experiment.experiment_id]) if experiment else []


def test_a_training_is_one_tracked_run_and_one_version_that_serves(first: dict[str, Any], url: str) -> None:
    assert (first["model"], first["version"], first["promoted"]) == ("logreg", "1", True)
    assert first["metrics"]["accuracy"] > 0.6
    (tracked,) = runs(url)[-1:]
    assert (tracked.info.run_id, tracked.info.status) == (first["run_id"], "FINISHED")
    assert {"data_hash", "split_seed", "rows_fit", "rows_test", "penalty_c"} <= set(tracked.data.params)
    wanted = {"accuracy", "f1", "macro_recall", "roc_auc", "log_loss", "calibration_error", "training_seconds"}
    assert wanted | {"peak_memory_mib", "size_mib", "latency_ms"} <= set(tracked.data.metrics)
    (output,) = tracked.outputs.model_outputs
    assert MlflowClient(url).get_logged_model(output.model_id).metrics
    files = {item.path for item in MlflowClient(url).list_artifacts(first["run_id"], "evaluation")}
    names = ("comparison.csv", "confusion_matrix.png", "roc.png", "calibration.png")
    assert files == {f"evaluation/{name}" for name in names}


def test_what_serves_answers_like_the_mlflow_model(first: dict[str, Any], url: str, tmp_path: Path) -> None:
    registry = MlflowRegistry(url)
    registry.download(registry.resolve(MODEL, "champion"), tmp_path)
    texts = sample_texts()[:50]
    served = LogregPredictor.load(tmp_path).predict(texts)
    mlflow.set_tracking_uri(url)
    logged = mlflow.pyfunc.load_model(f"models:/{MODEL}@champion")
    np.testing.assert_array_equal(logged.predict(pd.DataFrame({"text": texts})), served)
    assert logged.metadata.signature is not None


def test_mlflow_by_itself_predicts_the_same(first: dict[str, Any], url: str, tmp_path: Path) -> None:
    texts = sample_texts()[:20]
    (tmp_path / "in.json").write_text(json.dumps({"dataframe_records": [{"text": text} for text in texts]}))
    model = f"models:/{MODEL}@champion"
    command = ["models", "predict", "-m", model, "-i", "in.json", "-o", "out.json", "--env-manager", "local"]
    told = os.environ | {"MLFLOW_TRACKING_URI": url}
    subprocess.run([sys.executable, "-m", "mlflow", *command], check=True, cwd=tmp_path, env=told, capture_output=True)
    mlflow.set_tracking_uri(url)
    expected = mlflow.pyfunc.load_model(model).predict(pd.DataFrame({"text": texts}))
    found = json.loads((tmp_path / "out.json").read_text())["predictions"]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_clearly_worse_version_is_registered_but_does_not_serve(
    first: dict[str, Any], run: Run, tmp_path: Path
) -> None:
    good = written(made_up(2000), tmp_path / "tweets.csv")
    better = done(run("run", "--model", "logreg", "--data", good, "--json"))[0]
    assert better["promoted"], "far better on these rows than a model that never saw such ones"
    frame = made_up(2000).frame.assign(label=lambda frame: np.random.default_rng(1).integers(0, 2, len(frame)))
    poor = written(Rows(frame), tmp_path / "random.csv")
    worse = done(run("run", "--model", "logreg", "--data", poor, "--json"))[0]
    assert not worse["promoted"]
    assert worse["gate"]["reasons"]
    listed = done(run("list", "--model", "logreg", "--json"))["logreg"]
    assert [(line["version"], line["alias"]) for line in listed["versions"]] == [
        ("3", ""),
        ("2", "champion"),
        ("1", ""),
    ]
    refused = run("promote", "3", "--model", "logreg", "--data", good)
    assert refused.returncode == 1
    assert refused.stderr.startswith("vigie-train: vigie-logreg version 3: ")
    assert "worse than version 2 on all (McNemar p = " in refused.stderr
    demonstration = done(run("run", "--model", "logreg", "--json", VIGIE_ENV="production"))[0]
    assert not demonstration["promoted"]
    assert demonstration["gate"]["reasons"][0].startswith("learnt from the sample tweets alone, and version 2 did not")


def test_a_promotion_can_be_forced_with_a_reason_and_rolled_back(first: dict[str, Any], run: Run) -> None:
    start = done(run("list", "--model", "logreg", "--json"))["logreg"]
    (before,) = [line["version"] for line in start["versions"] if line["alias"]]
    other = next(line["version"] for line in start["versions"] if not line["alias"]) if before != "1" else "1"
    assert "expected a reason with --force" in run("promote", other, "--model", "logreg", "--force").stderr
    forced = done(run("promote", other, "--model", "logreg", "--force", "--reason", "a drill", "--json"))
    assert forced == {"model": "logreg", "champion": other, "before": before, "forced": True}
    back = done(run("rollback", "--model", "logreg", "--reason", "the drill is over", "--json"))
    assert (back["champion"], back["before"]) == (before, other)
    ledger = done(run("list", "--model", "logreg", "--json"))["logreg"]["ledger"]
    assert [(line["who"], line["kind"], line["to"], line["why"]) for line in ledger[-2:]] == [
        ("ada", "promote", other, "a drill"),
        ("ada", "rollback", before, "the drill is over"),
    ]


def test_a_version_is_put_on_trial_and_taken_away_again(first: dict[str, Any], run: Run, url: str) -> None:
    few = ("run", "--model", "logreg", "--quick", "--json")
    number = done(run(*few, GATE_SIZE_MIB="0.001"))[0]["version"]  # registered, and does not serve
    assert done(run("try", number, "--json")) == {"model": "logreg", "challenger": number}
    assert done(run("try", number, "--shadow", "--json")) == {"model": "logreg", "shadow": number}
    aliases = MlflowClient(url).get_registered_model(MODEL).aliases
    assert {str(aliases[name]) for name in ("challenger", "shadow")} == {number}
    for _ in range(2):
        assert done(run("try", "none", "--json")) == {"model": "logreg", "challenger": None}
        done(run("try", "none", "--shadow", "--json"))
    assert set(MlflowClient(url).get_registered_model(MODEL).aliases) == {"champion"}
    unknown = run("try", "99")
    assert unknown.returncode == 1
    assert "expected one of the versions" in unknown.stderr


def test_versions_are_evaluated_and_compared_on_held_out_rows(first: dict[str, Any], run: Run, tmp_path: Path) -> None:
    evaluated = done(run("evaluate", "--model", "logreg", "--version", "1", "--json"))
    accuracy = first["metrics"]["accuracy"]
    assert evaluated["data_sets"][0]["accuracy"] == pytest.approx(accuracy)
    compared = done(run("compare", "--model", "logreg", "--output", tmp_path / "table.csv", "--json"))
    table = pd.read_csv(tmp_path / "table.csv")
    line = table[table["version"] == 1].iloc[0]
    assert line["accuracy"] == pytest.approx(accuracy)
    assert line["accuracy_low"] < accuracy < line["accuracy_high"]
    assert {"negation", "airline"} <= {line["slice"] for line in compared["slices"]}
    assert len(compared["pairs"]) == len(table) * (len(table) - 1) / 2
    costs = (
        "training_seconds",
        "peak_memory_mib",
        "size_mib",
        "latency_ms",
        "tweets_per_second",
        "memory_mib",
        "cpu_ms",
    )
    assert (table[list(costs)] > 0).all(axis=None)
    for name in ("table_confusion.png", "table_quality_and_cost.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_a_comparison_is_logged(first: dict[str, Any], run: Run, url: str, tmp_path: Path) -> None:
    printed = run("compare", "--output", tmp_path / "all.csv", "--seed", "7")
    assert printed.returncode == 0, printed.stderr
    assert "held-out rows, with 95 % intervals" in printed.stdout
    (logged,) = [one for one in runs(url) if one.data.tags.get("mlflow.runName", "").startswith("comparison")][:1]
    assert len(MlflowClient(url).list_artifacts(logged.info.run_id, "comparison")) == 5
    assert set(logged.data.params) == {"data_hash", "bootstrap_seed"}
    assert logged.data.params["bootstrap_seed"] == "7"


def test_what_draws_nothing_takes_no_seed(run: Run) -> None:
    for words in (("evaluate",), ("promote", "1")):
        failed = run(*words, "--seed", "1")
        assert failed.returncode == 2
        assert "No such option" in failed.stderr


def test_no_bar_is_full_before_the_end_however_many_files_are_read(
    first: dict[str, Any], run: Run, tmp_path: Path
) -> None:
    files = ",".join(str(written(made_up(40, seed=number), tmp_path / f"{number}.csv")) for number in range(9))
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    elsewhere = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    evaluated = run("evaluate", "--version", "1", "--data", files, "--all-rows", "--json", **terminal)
    trained = run("run", "--quick", "--data", files, "--json", **terminal, **elsewhere)
    color = DEFAULT_STYLES["bar.finished"].color
    assert color
    for result in (evaluated, trained):
        done(result)
        assert "━" in result.stderr
        assert ";".join(color.get_ansi_codes()) not in result.stderr


def test_a_file_is_scored_by_the_champion(first: dict[str, Any], run: Run, tmp_path: Path) -> None:
    texts = sample_texts()[:30]
    pd.DataFrame({"text": texts}).to_csv(tmp_path / "in.csv", index=False)
    answer = done(run("score", tmp_path / "in.csv", tmp_path / "out.parquet", "--version", "1", "--json"))
    assert (answer["version"], answer["rows"]) == ("1", 30)
    assert set(pd.read_parquet(tmp_path / "out.parquet")["prediction_label"]) == {0, 1}


def test_spark_scores_as_the_predictor_does(first: dict[str, Any], run: Run, tmp_path: Path) -> None:
    source, local, spark = tmp_path / "in.parquet", tmp_path / "out.parquet", tmp_path / "spark"
    pd.DataFrame({"id": range(40), TEXT: [*sample_texts()[:36], None, "  ", "\t\n", "\u00a0"]}).to_parquet(source)
    done(run("score", source, local, "--json"))
    spark.mkdir()
    for name in ("_SUCCESS", "part-old.parquet"):  # what Spark wrote before, which is replaced
        (spark / name).touch()
    assert done(run("score", source, spark.as_uri(), "--engine", "spark", "--json"))["rows"] == 40
    expected, found = (pd.read_parquet(path).sort_values("id").reset_index(drop=True) for path in (local, spark))
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    assert found["probability_negative"].isna().tolist() == [False] * 36 + [True] * 4


def test_spark_replaces_only_what_spark_wrote(first: dict[str, Any], run: Run, tmp_path: Path) -> None:
    source, precious = tmp_path / "in.parquet", tmp_path / "precious"
    pd.DataFrame({TEXT: ["late again"]}).to_parquet(source)
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    for target in (precious.as_uri(), source):
        failed = run("score", source, target, "--engine", "spark")
        assert failed.returncode == 1
        assert f"vigie-train: {target}: expected no file or folder of that name" in failed.stderr
    assert (precious / "thesis.txt").read_text() == "years of work"
    (precious / "_SUCCESS").touch()
    (precious / "part-1.parquet").write_bytes(source.read_bytes())
    for read in (precious / "part-1.parquet", precious / "*.parquet", precious):
        failed = run("score", read, precious.as_uri(), "--engine", "spark")
        assert failed.returncode == 1
        assert f"{precious.as_uri()}: expected a folder that none of the rows are read from" in failed.stderr
    assert (precious / "part-1.parquet").read_bytes() == source.read_bytes()
    nowhere = run("score", source, "nosuch://host/out", "--engine", "spark")
    assert nowhere.returncode == 1
    assert nowhere.stderr.splitlines()[-1].startswith("vigie-train: --engine spark: ")
    assert "nosuch" in nowhere.stderr.splitlines()[-1]


def test_a_plain_sqlite_file_is_a_registry_too(run: Run, tmp_path: Path) -> None:
    found = done(run("run", "--quick", "--json", MLFLOW_TRACKING_URI=f"sqlite:///{tmp_path}/mlflow.db"))[0]
    assert (found["version"], found["promoted"]) == ("1", True)
    assert (tmp_path / "artifacts").is_dir(), "not in whatever folder the command runs"


def test_a_family_that_ships_no_model_gets_one_from_the_sample_tweets(run: Run, url: str) -> None:
    assert done(run("starter", "--json", MODELS="forest")) == {"forest": {"version": "1", "registered": True}}
    assert done(run("starter", "--json", MODELS="forest")) == {"forest": {"version": "1", "registered": False}}
    mlflow.set_tracking_uri(url)
    logged = mlflow.pyfunc.load_model("models:/vigie-forest@champion")
    assert logged.predict(pd.DataFrame({TEXT: ["never again"]})).shape == (1,)


def test_rows_in_the_registrys_store_are_learnt_from_by_a_setting(
    first: dict[str, Any], run: Run, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, read_all = "airline_feb17_21.csv", ("evaluate", "--version", "1", "--all-rows", "--labels", "binary")
    there = f"{url}/api/2.0/mlflow-artifacts/artifacts/rows/{name}"
    rows = pd.read_csv(SAMPLE_TWEETS).iloc[:100].to_csv(index=False)
    assert httpx.put(there, content=rows.encode(), timeout=30).status_code == 200
    monkeypatch.setenv("VIGIE_HOME", str(tmp_path))
    monkeypatch.setenv("TRAINING_DATA", "mlflow-artifacts:/rows")
    found = done(run(*read_all, "--json"))
    assert [row["rows"] for row in found["data_sets"]] == [100]
    assert done(run(*read_all, "--json", "--data", f"mlflow-artifacts:/rows/{name}")) == found
    assert not list(tmp_path.iterdir()), "what was fetched is not kept"
    missing = run(*read_all, "--data", "mlflow-artifacts:/none.csv")
    assert missing.returncode == 1
    assert "mlflow-artifacts:/none.csv: expected a file or a folder in the artefact store" in missing.stderr


def test_the_same_data_and_seed_give_the_same_metrics(first: dict[str, Any], run: Run) -> None:
    again = done(run("run", "--model", "logreg", "--data", SAMPLE_TWEETS, "--json"))[0]
    assert again["metrics"] == first["metrics"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "--model", "svm"), "--model: "),
        (("run", "--data", "nowhere.csv"), "nowhere.csv: expected a file or a folder"),
        (("evaluate", "--version", "99"), "expected one of the versions"),
        (("evaluate", "--model", "all"), "--model: expected one family, got 'all'"),
        (("compare", "--output", "/"), "/: expected the name of a file to write, got a folder"),
        (("promote", "99"), "expected one of the versions"),
    ],
)
def test_a_mistake_is_one_sentence_and_registers_nothing(
    first: dict[str, Any], run: Run, url: str, words: tuple[str, ...], message: str
) -> None:
    before = len(MlflowClient(url, url).search_model_versions(f"name='{MODEL}'"))
    failed = run(*words)
    assert failed.returncode == 1
    assert failed.stderr.startswith("vigie-train: ")
    assert message in failed.stderr
    assert "Traceback" not in failed.stderr
    assert len(MlflowClient(url, url).search_model_versions(f"name='{MODEL}'")) == before


def test_held_out_rows_are_enough_to_evaluate_on(first: dict[str, Any], run: Run, tmp_path: Path) -> None:
    held_out = written(made_up(40), tmp_path / "sentiment140_dev.csv")
    found = done(run("evaluate", "--version", "1", "--data", held_out, "--json"))
    assert [row["rows"] for row in found["data_sets"]] == [40]
    compared = done(run("compare", "--data", held_out, "--output", tmp_path / "table.csv", "--json"))
    assert {row["rows"] for row in compared["table"]} == {40}


def test_what_stands_in_the_way_of_the_artefact_is_told_before_anything_is_read(run: Run, tmp_path: Path) -> None:
    (tmp_path / "logreg").touch()
    failed = run("run", "--data", "nowhere.csv", "--save-to", tmp_path)
    assert failed.returncode == 1
    assert failed.stderr == f"vigie-train: {tmp_path}/logreg: expected a folder to write to: File exists\n"


def test_other_files_where_the_artefact_should_go_are_told_of_before_anything_is_read(run: Run, tmp_path: Path) -> None:
    thesis = tmp_path / "logreg" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.touch()
    failed = run("run", "--data", "nowhere.csv", "--save-to", tmp_path)
    assert failed.returncode == 1
    assert f"{tmp_path}/logreg: expected an artefact to replace or an empty folder, got one with" in failed.stderr
    assert thesis.exists()


def test_a_seed_that_no_generator_takes_is_refused_before_anything_is_read(run: Run) -> None:
    for seed in ("-5", str(2**32)):
        failed = run("run", "--data", "nowhere.csv", "--seed", seed)
        assert failed.returncode == 2
        assert "'--seed'" in failed.stderr
        assert "Traceback" not in failed.stderr


def test_a_training_that_crashes_is_a_failed_run_without_a_version(
    first: dict[str, Any], run: Run, url: str, tmp_path: Path
) -> None:
    few = written(made_up(30), tmp_path / "few.csv")
    failed = run("run", "--model", "logreg", "--data", few)
    assert failed.returncode == 1
    assert "expected at least 10 rows with label" in failed.stderr
    assert [found.info.status for found in runs(url)].count("FAILED") == 1


def test_without_a_registry_nothing_is_trained(run: Run) -> None:
    failed = run("run", "--model", "logreg", MLFLOW_TRACKING_URI=f"http://127.0.0.1:{free_port()}")
    assert failed.returncode == 1
    assert "vigie-train: MLFLOW_TRACKING_URI: no MLflow server answers" in failed.stderr


def test_the_starter_is_registered_once(run: Run, tmp_path: Path) -> None:
    server = MlflowServer(tmp_path)
    server.start(server.healthy, seconds=90)
    try:
        for made in (True, False):
            answer = done(run("starter", "--json", MLFLOW_TRACKING_URI=server.url, MODELS="logreg"))
            assert answer == {"logreg": {"version": "1", "registered": made}}
        command = [sys.executable, "-c", "from vigie_training.cli import main; main()", "starter", "--stay"]
        variables = {"MLFLOW_TRACKING_URI": server.url, "MODELS": "logreg"}
        with subprocess.Popen(command, env=os.environ | variables) as staying:
            wait_for(lambda: psutil.Process(staying.pid).name() == "sleep", what="a process that stays")
            staying.terminate()
    finally:
        server.stop()
