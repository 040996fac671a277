"""Scores a Parquet file or folder on Spark, through the model as MLflow keeps it."""

from pathlib import Path

from vigie_training.errors import TrainingError, WrongFile
from vigie_training.rows import TEXT
from vigie_training.scoring import PREDICTED, PROBABILITY
from vigie_training.settings import workers_use_this_python


def score(model_uri: str, source: Path, target: Path) -> int:
    """Like `scoring.score`, but `target` is a folder of Parquet files, which Spark's workers write.

    The cluster is the one that the environment names (`spark-submit`, `SPARK_REMOTE`), else this machine.
    Raises `TrainingError` when pyspark is not installed, `WrongFile` when the column `text` is missing.
    """
    try:
        from mlflow.pyfunc import spark_udf  # noqa: PLC0415 (a library that only this needs)
        from pyspark.sql import SparkSession, functions  # noqa: PLC0415
    except ImportError as error:
        raise TrainingError("--engine spark: pyspark is needed: pip install 'vigie-training[spark]'") from error
    workers_use_this_python()
    spark = SparkSession.builder.appName("vigie-train score").getOrCreate()
    try:
        rows = spark.read.parquet(str(source))
        if TEXT not in rows.columns:
            names = ", ".join(map(repr, rows.columns))
            raise WrongFile(source, f"expected this column, got {names}", column=TEXT)
        predict = spark_udf(spark, model_uri, result_type="float", env_manager="local")
        # Spark evaluates a Python function on every row, whatever condition stands around it.
        text = functions.coalesce(functions.col(TEXT), functions.lit(""))
        negative = functions.when(functions.trim(text) != "", predict(functions.struct(text.alias(TEXT))))
        scored = rows.withColumn(PROBABILITY, negative).withColumn(
            PREDICTED, (functions.col(PROBABILITY) < 0.5).cast("tinyint")
        )
        scored.write.mode("overwrite").parquet(str(target))
        return int(spark.read.parquet(str(target)).count())
    finally:
        spark.stop()
