"""Writes the files beside it, as pandas 3.1.1 with pyarrow 26.0.1 does: python make.py"""

import pathlib

import pandas as pd

here = pathlib.Path(__file__).parent
table = pd.DataFrame(
    {
        "trial": ["t0", "t1", "t2"],
        "variant": pd.Categorical(["wide", "narrow", "wide"]),
        "dataset": ["mnist"] * 3,
        "seed": pd.Series([0, 1, 1], dtype="int32"),
        "epoch": pd.Series([3, 4, 5], dtype="int32"),
        "split": pd.Categorical(["Train", "Test", "Train"]),
        "loss": [0.5, float("nan"), float("inf")],
        "accuracy": pd.Series([0.1, 0.25, 0.5], dtype="float32"),
        "diverged": [False, True, True],
        "note": ["a", None, None],
        "penalty": [None, None, None],
        # Integers with gaps are floats in pandas.
        "parent": [-3, None, 9007199254740991],
    }
)
# The rows were filtered, so that pandas stores their index.
table[table.seed >= 0].iloc[[2, 0, 1]].to_parquet(here / "epochs.parquet")
nullable = table.astype({"parent": "Int64", "seed": "UInt32", "epoch": "int64"})
nullable.to_parquet(here / "nullable.parquet", index=False)
table.astype({"parent": "string"}).assign(parent=[0.5, None, 1.0]).to_parquet(here / "halves.parquet")
table.astype({"epoch": "int8"}).to_parquet(here / "small.parquet")
