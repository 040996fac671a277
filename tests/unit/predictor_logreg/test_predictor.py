"""Loading and predicting; what must never be loaded."""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.preprocessing import FunctionTransformer

from predictor_logreg.predictor import PIPELINE, LogregPredictor
from tests.support.logreg import NEGATIVE, POSITIVE, fit_logreg, write_logreg
from vigie.artifacts import ArtifactError


def dump(folder: Path, state: Any) -> Path:
    skops.io.dump(state, folder / PIPELINE, compression=zipfile.ZIP_DEFLATED)
    return folder


def schema_of(folder: Path) -> Any:
    with zipfile.ZipFile(folder / PIPELINE) as file:
        return json.loads(file.read("schema.json"))


def with_schema(folder: Path, schema: Any) -> Path:
    """The same file with another schema."""
    with zipfile.ZipFile(folder / PIPELINE) as file:
        parts = {name: file.read(name) for name in file.namelist()} | {"schema.json": json.dumps(schema).encode()}
    with zipfile.ZipFile(folder / PIPELINE, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return folder


def test_a_loaded_model_says_what_it_learned(tmp_path: Path) -> None:
    golden = write_logreg(tmp_path)
    predictor = LogregPredictor.load(tmp_path)
    values = predictor.predict([row.text for row in golden])
    assert values.dtype == np.float32
    assert values.tolist() == pytest.approx([row.probability_negative for row in golden], abs=1e-6)
    assert (predictor.predict(NEGATIVE) > 0.5).all()
    assert (predictor.predict(POSITIVE) < 0.5).all()


def test_company_changes_nothing(tmp_path: Path) -> None:
    write_logreg(tmp_path)
    predictor = LogregPredictor.load(tmp_path)
    texts = [*NEGATIVE, *POSITIVE, " ", "\x00", "🛫" * 400, "a&amp;b"]
    alone = [float(predictor.predict([text])[0]) for text in texts]
    assert predictor.predict(texts).tolist() == alone
    assert predictor.predict([]).shape == (0,)


class Evil:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch /tmp/never",)


@pytest.mark.parametrize(
    ("intruder", "named"),
    [
        (os.getcwd, "posix.getcwd"),
        (FunctionTransformer(os.getcwd), "FunctionTransformer"),
        (SGDClassifier(), "SGDClassifier"),
        (Evil(), "Evil"),
        (np.random.default_rng(0), "numpy.random"),
        ("text".upper, "upper"),
    ],
)
def test_a_type_that_is_not_on_the_list_is_refused_by_name(tmp_path: Path, intruder: Any, named: str) -> None:
    vectors, classifier = fit_logreg()
    classifier.intruder = intruder
    dump(tmp_path, {"columns": vectors.columns, "idf": vectors.idf, "classifier": classifier})
    with pytest.raises(ArtifactError, match=f"types that must not be loaded: .*{named}"):
        LogregPredictor.load(tmp_path)


def test_a_function_in_the_clothes_of_a_text_is_refused(tmp_path: Path) -> None:
    write_logreg(tmp_path)
    schema = schema_of(tmp_path)
    schema["content"]["extra"] = {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "FunctionNode",
        "content": {"module_path": "os", "function": "getcwd"},
    }
    with pytest.raises(ArtifactError, match="FunctionNode"):
        LogregPredictor.load(with_schema(tmp_path, schema))


def test_a_file_that_brings_its_own_list_of_types_is_refused_all_the_same(tmp_path: Path) -> None:
    vectors, classifier = fit_logreg()
    classifier.intruder = os.getcwd
    dump(tmp_path, {"columns": vectors.columns, "idf": vectors.idf, "classifier": classifier})
    list_of_its_own = ["posix.getcwd", "FunctionNode"]
    schema = schema_of(tmp_path) | {"trusted": list_of_its_own, "__trusted__": list_of_its_own}
    (tmp_path / "trusted.json").write_text(json.dumps(list_of_its_own), encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"types that must not be loaded: .*posix\.getcwd"):
        LogregPredictor.load(with_schema(tmp_path, schema))


def test_a_second_schema_behind_a_clean_one_is_the_one_that_is_judged(tmp_path: Path) -> None:
    write_logreg(tmp_path)
    schema = schema_of(tmp_path)
    schema["content"]["extra"] = {"__class__": "system", "__module__": "posix", "__loader__": "FunctionNode"}
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(tmp_path / PIPELINE, "a") as file:
        file.writestr("schema.json", json.dumps(schema))
    with pytest.raises(ArtifactError, match=r"posix\.system"):
        LogregPredictor.load(tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"not a zip file"])
def test_what_is_no_skops_file_is_said_to_be_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / PIPELINE).write_bytes(content)
    with pytest.raises(ArtifactError, match=r"pipeline\.skops: not a skops file"):
        LogregPredictor.load(tmp_path)


def test_an_archive_without_a_schema_is_no_skops_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / PIPELINE, "w") as file:
        file.writestr("a", "b")
    with pytest.raises(ArtifactError, match="not a skops file"):
        LogregPredictor.load(tmp_path)


def test_other_content_than_the_recipes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="expected columns, idf and classifier"):
        LogregPredictor.load(dump(tmp_path, {"columns": [1, 2]}))


def test_other_classes_than_0_and_1_are_refused(tmp_path: Path) -> None:
    vectors, _ = fit_logreg()
    other = LogisticRegression().fit(np.eye(4), [1, 2, 1, 2])
    dump(tmp_path, {"columns": vectors.columns, "idf": vectors.idf, "classifier": other})
    with pytest.raises(ArtifactError, match="expected the classes 0 and 1"):
        LogregPredictor.load(tmp_path)


def test_the_words_of_a_complaint_speak_for_negative(tmp_path: Path) -> None:
    write_logreg(tmp_path)
    (words,) = LogregPredictor.load(tmp_path).explain(["late again"])
    assert {each.word for each in words} == {"late", "again"}
    assert all(each.weight < 0 for each in words)
