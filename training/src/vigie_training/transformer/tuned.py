"""The transformer tuned on the rows of a split: made once, kept on disk for every family that builds on it."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep, time
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vigie.encoder import GRAPH, SCORE, TOKENIZER, TextEncoder
from vigie_training.errors import TrainingError
from vigie_training.known import known_set
from vigie_training.lock import alone
from vigie_training.recipes import Options, Parameters, Report
from vigie_training.rows import SOURCE, Mask, Rows
from vigie_training.weighting import Labelled, tuning_weights

FOLDER = "encoders"
SCORES = "scores.npy"
PRECISION = "precision.txt"
OWN_LABEL = 0.3
UNFINISHED = ".unfinished-"
ABANDONED_SECONDS = 7 * 86_400
LOCK = ".lock"
_KEPT = 2
_PAUSE_SECONDS = 0.5
_TOGETHER = 8192
_FORMAT = 6


class SoftLabels(NamedTuple):
    """What a smaller model learns from, `[n]`, and parameters of the tuning that it comes from."""

    targets: npt.NDArray[np.float64]
    parameters: Parameters


@contextmanager
def tuned_transformer(rows: Rows, options: Options, report: Report) -> Iterator[Path]:
    """A folder with `tokenizer.json` and the graph in full precision, its score not calibrated; it stays for as long as
    the context lasts.

    It is the same whichever family asks first: of trainings at the same time one makes it, the others wait for it and
    for their turn to read it. Raises `TrainingError` when there is no such base model.
    """
    place = options.home / FOLDER / _key(rows, options)
    place.parent.mkdir(parents=True, exist_ok=True)
    with alone(_lock(place), lambda: _wait(report)):
        if not options.resume:
            _forget(place)
        _forget_abandoned(place.parent)
        if not all((place / name).exists() for name in (GRAPH, TOKENIZER, SCORES)):
            _put(_made(rows, options, report, place), place)
            _forget(place)
        place.touch()
        _keep_newest(place.parent)
        yield place


def tuning_parameters(tuned: Path) -> Parameters:
    """`precision`, for the run of a model that builds on it; nothing of one that was tuned before that was kept."""
    precision = tuned / PRECISION
    return {"precision": precision.read_text("utf-8")} if precision.exists() else {}


def soft_labels(rows: Rows, options: Options, report: Report) -> SoftLabels:
    """For a smaller model to learn from (Hinton, Vinyals and Dean 2015): the mean of each label and of what the tuned
    transformer thinks of the row, `[n]`. Plain labels with `quick`.
    """
    labels = rows.labels.astype(np.float64)
    if options.quick:
        return SoftLabels(labels, {})
    with tuned_transformer(rows, options, report) as tuned:
        scores, parameters = np.load(tuned / SCORES).astype(np.float64), tuning_parameters(tuned)
    return SoftLabels(np.asarray(OWN_LABEL * labels + (1 - OWN_LABEL) / (1 + np.exp(-scores))), parameters)


def judged(texts: Sequence[str], rows: Rows, options: Options, report: Report) -> npt.NDArray[np.float64]:
    """The probability of *positive* for each of n texts by the transformer tuned on `rows`: `[n]`."""
    with tuned_transformer(rows, options, report) as tuned:
        teacher = TextEncoder.load(tuned)
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
    parts, precision = stages(rows), tuning.fastest()
    found = tuning.tune_in_turn(
        sentiment,
        tokenizer,
        [Labelled.of(chosen, tuning_weights(chosen)) for chosen in map(rows.where, parts)],
        tuning.QUICK if options.quick else tuning.Schedule(),
        seed=options.seed,
        report=report,
        kept=lambda stage: _unfinished(place, stage),
        precision=precision,
    )
    scores = np.zeros(len(rows), np.float32)
    for part, said in zip(parts, found, strict=True):
        scores[part] = said

    def write(folder: Path) -> None:
        np.save(folder / SCORES, scores)
        (folder / PRECISION).write_text(precision.name, "utf-8")
        report("exporting the transformer")
        tokenizer.save(str(folder / TOKENIZER))
        export.export(sentiment, folder / GRAPH)

    return write


def _put(write: Callable[[Path], None], place: Path) -> None:
    """All of it or nothing, also when the disk is full or the process is killed."""
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="making-") as making:
        whole = Path(making) / place.name
        whole.mkdir()
        write(whole)
        shutil.rmtree(place, ignore_errors=True)
        whole.rename(place)


def _lock(place: Path) -> Path:
    return place.with_name(f"{place.name}{LOCK}")


def _wait(report: Report) -> None:
    report("waiting for another training, which tunes the transformer on the same rows")
    sleep(_PAUSE_SECONDS)


def _unfinished(place: Path, stage: int) -> Path:
    return place.with_name(f"{place.name}{UNFINISHED}{stage}")


def _forget(place: Path) -> None:
    for kept in place.parent.glob(_unfinished(place, 0).name[:-1] + "*"):
        kept.unlink(missing_ok=True)


def _keep_newest(folder: Path) -> None:
    """What another training reads, or makes, stays."""
    made = sorted((each for each in folder.iterdir() if each.is_dir()), key=lambda each: each.stat().st_mtime)
    for old in [each for each in made if not each.name.startswith("making-")][:-_KEPT]:
        with suppress(BlockingIOError), alone(_lock(old)):
            shutil.rmtree(old, ignore_errors=True)


def _forget_abandoned(folder: Path) -> None:
    """What interrupted tunings of other rows left behind: a third of a gigabyte each. One that runs writes often."""
    for pattern in (f"*{UNFINISHED}*", "*.making", "making-*"):
        for left in folder.glob(pattern):
            with suppress(OSError):  # somebody else's, gone meanwhile
                if left.stat().st_mtime < time() - ABANDONED_SECONDS:
                    shutil.rmtree(left) if left.is_dir() else left.unlink()
    for lock in folder.glob(f"*{LOCK}"):
        with suppress(BlockingIOError), alone(lock):
            pass  # of a process that was killed: it goes with the context


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
