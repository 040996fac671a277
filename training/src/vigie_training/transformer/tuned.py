"""The transformer tuned on the rows of a split: made once, kept on disk for every family that builds on it."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import time

import numpy as np
import numpy.typing as npt

from vigie.encoder import GRAPH, SCORE, TOKENIZER, TextEncoder
from vigie_training.errors import TrainingError
from vigie_training.known import known_set
from vigie_training.recipes import Options, Report
from vigie_training.rows import SOURCE, Mask, Rows
from vigie_training.weighting import Labelled, tuning_weights

FOLDER = "encoders"
SCORES = "scores.npy"
OWN_LABEL = 0.3
UNFINISHED = ".unfinished-"
ABANDONED_SECONDS = 7 * 86_400
_KEPT = 2
_TOGETHER = 8192
_FORMAT = 5


def tuned_transformer(rows: Rows, options: Options, report: Report) -> Path:
    """A folder with `tokenizer.json` and the graph in full precision, its score not calibrated.

    It is the same whichever family asks first. Raises `TrainingError` when there is no such base model.
    """
    place = options.home / FOLDER / _key(rows, options)
    if not options.resume:
        _forget(place)
    _forget_abandoned(place.parent)
    if not (place / GRAPH).exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        write = _made(rows, options, report, place)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix="making-") as making:
            write(Path(making))
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(making, place)
        _forget(place)
    place.touch()
    made = sorted((each for each in place.parent.iterdir() if each.is_dir()), key=lambda each: each.stat().st_mtime)
    for old in [each for each in made if not each.name.startswith("making-")][:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return place


def soft_labels(rows: Rows, options: Options, report: Report) -> npt.NDArray[np.float64]:
    """For a smaller model to learn from (Hinton, Vinyals and Dean 2015): the mean of each label and of what the tuned
    transformer thinks of the row, `[n]`. Plain labels with `quick`.
    """
    labels = rows.labels.astype(np.float64)
    if options.quick:
        return labels
    scores = np.load(tuned_transformer(rows, options, report) / SCORES).astype(np.float64)
    return np.asarray(OWN_LABEL * labels + (1 - OWN_LABEL) / (1 + np.exp(-scores)))


def judged(texts: Sequence[str], rows: Rows, options: Options, report: Report) -> npt.NDArray[np.float64]:
    """The probability of *positive* for each of n texts by the transformer tuned on `rows`: `[n]`."""
    teacher = TextEncoder.load(tuned_transformer(rows, options, report))
    parts = []
    for start in range(0, len(texts), _TOGETHER):
        report(f"asking the transformer, {100 * start // len(texts)} %")
        parts.append(teacher.run(texts[start : start + _TOGETHER], [SCORE])[0].astype(np.float64))
    return np.asarray(1 / (1 + np.exp(-np.concatenate(parts))))


def stages(rows: Rows) -> list[Mask]:
    """The rows that are learnt from one after the other: `general` sets first, since what comes last shapes most."""
    general = np.array([known_set(source).general for source in rows.frame[SOURCE]], bool)
    return [general, ~general] if general.any() and not general.all() else [np.ones(len(rows), bool)]


def _made(rows: Rows, options: Options, report: Report, place: Path) -> Callable[[Path], None]:
    """What writes the transformer, tuned by now, into a folder."""
    from vigie_training.transformer import export, network, tuning  # noqa: PLC0415 (torch takes seconds to import)

    report("reading the base model")
    base = options.base_model or network.default_base_model()
    try:
        sentiment, tokenizer_json = network.load_base(base, options.seed)
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"VIGIE_BASE_MODEL: expected a folder or a name of a model, got {base!r}: {error}"
        ) from error
    tokenizer = tuning.prepared_tokenizer(tokenizer_json)
    if options.base_model and not options.quick:
        report("trying the export")  # not every network can be exported: better known before it is tuned
        with tempfile.TemporaryDirectory(prefix="vigie-") as tried:
            export.export(sentiment, Path(tried) / GRAPH)
    scores, parts = np.zeros(len(rows), np.float32), stages(rows)
    for number, part in enumerate(parts, 1):
        last = tuning.QUICK if options.quick else tuning.Schedule()
        chosen = rows.where(part)
        scores[part] = tuning.tune(
            sentiment,
            tokenizer,
            Labelled.of(chosen, tuning_weights(chosen)),
            last if number == len(parts) else tuning.FIRST,
            seed=options.seed,
            report=report,
            kept=_unfinished(place, number),
        )

    def write(folder: Path) -> None:
        np.save(folder / SCORES, scores)
        report("exporting the transformer")
        tokenizer.save(str(folder / TOKENIZER))
        export.export(sentiment, folder / GRAPH)

    return write


def _unfinished(place: Path, stage: int) -> Path:
    return place.with_name(f"{place.name}{UNFINISHED}{stage}")


def _forget(place: Path) -> None:
    for kept in place.parent.glob(_unfinished(place, 0).name[:-1] + "*"):
        kept.unlink()


def _forget_abandoned(folder: Path) -> None:
    """What interrupted tunings of other rows left behind: a third of a gigabyte each. One that runs writes often."""
    for pattern in (f"*{UNFINISHED}*", "*.making", "making-*"):
        for left in folder.glob(pattern):
            with suppress(OSError):  # somebody else's, gone meanwhile
                if left.stat().st_mtime < time() - ABANDONED_SECONDS:
                    shutil.rmtree(left) if left.is_dir() else left.unlink()


def _key(rows: Rows, options: Options) -> str:
    """Everything that the result depends on."""
    parts = [
        _FORMAT,
        rows.content_hash(),
        sorted(rows.sources),
        options.seed,
        options.quick,
        _identity(options.base_model),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _identity(base_model: str) -> str:
    """A folder is what its files hold; a name is itself."""
    folder = Path(base_model)
    if not base_model or not folder.is_dir():
        return base_model
    digests = []
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        with path.open("rb") as file:
            digests.append(f"{path.relative_to(folder)} {hashlib.file_digest(file, 'sha256').hexdigest()}")
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
