"""Scores a Parquet file or folder on Spark, through the model as MLflow keeps it."""

from pathlib import Path
from typing import TYPE_CHECKING

from vigie_training.errors import TrainingError, WrongFile
from vigie_training.rows import TEXT
from vigie_training.scoring import PREDICTED, PROBABILITY
from vigie_training.settings import workers_use_this_python

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def score(model_uri: str, source: str, target: str) -> int:
    """Like `scoring.score`, but of and to whatever Spark can read and write (a path, `s3a://…`, `hdfs://…`), and
    `target` is a folder of Parquet files, written by Spark's workers; one that Spark wrote before is replaced.

    The cluster is the one that the environment names (`spark-submit`, `SPARK_REMOTE`), else this machine.
    Raises `TrainingError` when pyspark is not installed or Spark cannot do it, `WrongFile` when `text` is missing.
    """
    try:
        from pyspark.errors import PySparkException  # noqa: PLC0415 (a library that only this needs)
        from pyspark.sql import SparkSession  # noqa: PLC0415
    except ImportError as error:
        raise TrainingError("--engine spark: pyspark is needed: pip install 'vigie-training[spark]'") from error
    _check(Path(target))
    workers_use_this_python()
    try:
        spark = SparkSession.builder.appName("vigie-train score").getOrCreate()
        try:
            return _scored(spark, model_uri, source, target)
        finally:
            spark.stop()
    except PySparkException as error:
        raise TrainingError(f"--engine spark: {str(error).strip().splitlines()[0]}") from error


def _check(target: Path) -> None:
    """What Spark overwrites is gone: only what Spark wrote may be."""
    if target.is_file() or (target.is_dir() and any(target.iterdir()) and not (target / "_SUCCESS").is_file()):
        raise WrongFile(target, "expected no file or folder of that name, or one that Spark wrote before")


def _scored(spark: "SparkSession", model_uri: str, source: str, target: str) -> int:
    from mlflow.pyfunc import spark_udf  # noqa: PLC0415
    from pyspark.sql import functions  # noqa: PLC0415

    rows = spark.read.parquet(source)
    if TEXT not in rows.columns:
        names = ", ".join(map(repr, rows.columns))
        raise WrongFile(Path(source), f"expected this column, got {names}", column=TEXT)
    predict = spark_udf(spark, model_uri, result_type="float", env_manager="local")
    # Spark evaluates a Python function on every row, whatever condition stands around it.
    text = functions.coalesce(functions.col(TEXT), functions.lit(""))
    negative = functions.when(functions.trim(text) != "", predict(functions.struct(text.alias(TEXT))))
    scored = rows.withColumn(PROBABILITY, negative).withColumn(
        PREDICTED, (functions.col(PROBABILITY) < 0.5).cast("tinyint")
    )
    scored.write.mode("overwrite").parquet(target)
    return int(spark.read.parquet(target).count())
