"""Writes the files beside it, as pandas 3.1.1 with pyarrow 26.0.1 and polars 2.1.0 do: python make.py"""

import pathlib

import pandas as pd
import polars

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
# Integers of 8 and 16 bits.
table.astype({"epoch": "int8", "seed": "uint16"}).assign(parent=pd.array([-3, None, 32767], dtype="Int16")).to_parquet(
    here / "small.parquet"
)

# Every width of number at both its ends, with a gap: by pandas and by polars.
KIND = {f"{sign}int{n}": f"{sign.upper()}Int{n}" for sign in ("", "u") for n in (8, 16, 32, 64)}
ends = {f"int{n}": [-(2 ** (n - 1)), 2 ** (n - 1) - 1, None] for n in (8, 16, 32, 64)}
ends |= {f"uint{n}": [0, min(2**n, 2**63) - 1, None] for n in (8, 16, 32, 64)}
key = {"trial": ["t0", "t1", "t2"], "variant": ["v"] * 3, "dataset": ["mnist"] * 3}
numbers = pd.DataFrame(key | {"seed": pd.Series([0, 1, 255], dtype="uint8")})
for name, values in ends.items():
    numbers[name] = pd.array(values, dtype=KIND[name])
numbers["float32"] = pd.Series([0.1, float("inf"), float("nan")], dtype="float32")
numbers.to_parquet(here / "numbers.parquet", index=False)
types = {name: getattr(polars, KIND[name]) for name in ends}
by_polars = polars.DataFrame(
    key | {"seed": [0, 1, 255]} | ends | {"float32": [0.1, float("inf"), float("nan")]},
    schema_overrides=types | {"seed": polars.UInt8, "float32": polars.Float32},
)
by_polars.write_parquet(here / "numbers_by_polars.parquet")
# One more than a signed integer of 64 bits holds.
numbers.assign(uint64=pd.array([1, 2**63, None], dtype="UInt64")).to_parquet(here / "beyond.parquet", index=False)
# A type that rows do not have.
table.assign(when=pd.Timestamp("2026-01-01")).to_parquet(here / "dates.parquet")
