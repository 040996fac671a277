"""Options that several commands share, as the command line shows them."""

from typing import Annotated, Literal

import typer

MOST_SEED = 2**32 - 1

Model = Annotated[str, typer.Option("--model", "-m", help="A model family, as vigie-train list names them.")]
Data = Annotated[
    str,
    typer.Option(
        help="Files and folders, comma-separated: Parquet or CSV with the columns text and label, or Sentiment140's "
        "original CSV; mlflow-artifacts:/… for what lies in the registry's store. Of a folder, the data sets known by "
        "name are read. Default: TRAINING_DATA, else the sample tweets."
    ),
]
Labels = Annotated[
    Literal["auto", "binary", "three-class"],
    typer.Option(
        help="What 1 means: positive (binary) or neutral, which is left out (three-class). auto: what is known of the "
        "data set's name; else a label 2 anywhere in a file makes it three-class, and 0/1 alone is binary. A 4 always "
        "means Sentiment140's 0/2/4, and names (negative, neutral, positive) speak for themselves."
    ),
]
Seed = Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Of the fit; what is held out depends on none.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
Why = Annotated[str, typer.Option("--reason", help="Why; kept in the ledger.")]
