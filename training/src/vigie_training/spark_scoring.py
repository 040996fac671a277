"""Scores a Parquet file or folder on Spark, through the model as MLflow keeps it."""

import sys
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from vigie_training.errors import TrainingError, WrongFile
from vigie_training.rows import TEXT
from vigie_training.scoring import PREDICTED, PROBABILITY
from vigie_training.settings import workers_use_this_python

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def score(model_uri: str, source: str, target: str) -> int:
    """Like `scoring.score`, but of and to whatever Spark can read and write (a path, `s3a://…`, `hdfs://…`), and
    `target` is a folder of Parquet files, written by Spark's workers; one that Spark wrote before is replaced.

    The cluster is the one that the environment names (`spark-submit`, `SPARK_REMOTE`), else this machine.
    Raises `TrainingError` when pyspark is not installed or Spark cannot do it, `WrongFile` when `text` is missing.
    """
    try:
        from py4j.protocol import Py4JJavaError  # noqa: PLC0415 (libraries that only this needs)
        from pyspark.errors import PySparkException  # noqa: PLC0415
        from pyspark.sql import SparkSession  # noqa: PLC0415
    except ImportError as error:
        raise TrainingError("--engine spark: pyspark is needed: pip install 'vigie-training[spark]'") from error
    workers_use_this_python()
    try:
        spark = SparkSession.builder.appName("vigie-train score").getOrCreate()
        try:
            return _scored(spark, model_uri, source, target)
        finally:
            spark.stop()
    except PySparkException as error:
        raise TrainingError(f"--engine spark: {_first_line(error)}") from error
    except Py4JJavaError as error:
        raise TrainingError(f"--engine spark: {_first_line(error.java_exception)}") from error


def _first_line(problem: object) -> str:
    return str(problem).strip().splitlines()[0]


def _mode(spark: "SparkSession", rows: "DataFrame", target: str) -> Literal["overwrite", "error"]:
    """How Spark may write to `target`: what it overwrites is gone, and before the rows are read at that, so only what
    Spark wrote before may be, and nothing that the rows come from.

    Through Spark Connect one cannot look there; then Spark itself refuses whatever exists.
    """
    from pyspark.sql import is_remote  # noqa: PLC0415

    if is_remote():
        return "error"
    hadoop = spark._jvm.org.apache.hadoop.fs  # type: ignore[union-attr]
    folder = hadoop.Path(target)
    files = folder.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())
    filled = files.exists(folder) and len(files.listStatus(folder)) > 0
    if filled and not files.exists(hadoop.Path(folder, "_SUCCESS")):
        raise WrongFile(target, "expected no file or folder of that name, or one that Spark wrote before")
    place = urlsplit(files.makeQualified(folder).toUri().toString())
    for read in map(urlsplit, rows.inputFiles()):
        if read[:2] == place[:2] and read.path.startswith(f"{place.path.rstrip('/')}/"):
            raise WrongFile(target, "expected a folder that none of the rows are read from: what it holds is replaced")
    return "overwrite"


def _scored(spark: "SparkSession", model_uri: str, source: str, target: str) -> int:
    from mlflow.pyfunc import spark_udf  # noqa: PLC0415
    from pyspark.sql import functions  # noqa: PLC0415

    rows = spark.read.parquet(source)
    mode = _mode(spark, rows, target)
    if TEXT not in rows.columns:
        names = ", ".join(map(repr, rows.columns))
        raise WrongFile(source, f"expected this column, got {names}", column=TEXT)
    predict = spark_udf(spark, model_uri, result_type="float", env_manager="local")
    # Spark evaluates a Python function on every row, whatever condition stands around it.
    text = functions.coalesce(functions.col(TEXT), functions.lit(""))
    white_space = functions.lit("".join(filter(str.isspace, map(chr, range(sys.maxunicode + 1)))))
    negative = functions.when(functions.btrim(text, white_space) != "", predict(functions.struct(text.alias(TEXT))))
    scored = rows.withColumn(PROBABILITY, negative).withColumn(
        PREDICTED, (functions.col(PROBABILITY) < 0.5).cast("tinyint")
    )
    scored.write.mode(mode).parquet(target)
    return int(spark.read.parquet(target).count())
