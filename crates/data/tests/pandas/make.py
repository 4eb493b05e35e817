"""Writes the files beside it, as pandas 3.1.1 with pyarrow 26.0.1 and numpy 2.4.6 do: python make.py"""

import datetime
import decimal
import pathlib

import numpy
import pandas
import pyarrow
from pyarrow import parquet

here = pathlib.Path(__file__).parent
rows = range(12)
ends = {f"int{n}": [-(2 ** (n - 1)), 2 ** (n - 1) - 1] for n in (8, 16)}
ends |= {f"uint{n}": [0, 2**n - 1] for n in (8, 16)}
columns = {name: pyarrow.array([None, *bounds, *range(3, 12)], name) for name, bounds in ends.items()}
halves = [None, -65504.0, 6.103515625e-05, *(row / 4 for row in range(3, 12))]
columns["half"] = pyarrow.array(halves, "halffloat")
prices = [None, decimal.Decimal("-9999.99"), *(decimal.Decimal(row) / 8 for row in range(2, 12))]
for name, kind in [("price", pyarrow.decimal128(7, 3)), ("wide", pyarrow.decimal128(38, 3))]:
    columns[name] = pyarrow.array(prices, kind)
columns["town"] = pyarrow.array(["Ulm", "Bonn", None, "Köln"] * 3).dictionary_encode()
columns["code"] = pyarrow.array([20, 10, 30] * 4, "int8").dictionary_encode()
columns["open"] = pyarrow.array([row % 3 == 0 for row in rows])
columns["y"] = pyarrow.array([row % 5 + 0.5 for row in rows])
table = pyarrow.table(columns)
parquet.write_table(table, here / "types.parquet")
parquet.write_table(table, here / "integers.parquet", store_decimal_as_integer=True)
# The same numbers in plain text.
text = table.to_pandas().assign(half=halves, open=[int(row % 3 == 0) for row in rows])
text.to_csv(here / "types.csv", index=False, float_format="%.15g")

# Types that are no numbers, truth values or text.
moment = datetime.datetime(2026, 1, 1, 12)
others = {
    "date": pyarrow.array([moment.date()] * 12),
    "moment": pyarrow.array([moment] * 12),
    "clock": pyarrow.array([moment.time()] * 12),
    "bytes": pyarrow.array([b"\x00\x01"] * 12),
    "list": pyarrow.array([[1, 2]] * 12),
    "record": pyarrow.array([{"a": 1}] * 12),
    "huge": pyarrow.array([decimal.Decimal(1)] * 12, pyarrow.decimal256(50, 0)),
}
parquet.write_table(pyarrow.table(others | {"x": columns["int8"], "y": columns["y"]}), here / "others.parquet")

# The same numbers in every order and width that holds them.
x = numpy.arange(60, dtype="float64").reshape(12, 5) / 4
y = numpy.arange(12) % 3
for name, array in {
    "plain": x,
    "fortran": numpy.asfortranarray(x),
    "half": x.astype("float16"),
    "half_big_fortran": numpy.asfortranarray(x.astype(">f2")),
}.items():
    numpy.savez(here / f"{name}.npz", x=array, y=y)
pixels = numpy.arange(12 * 4 * 3 * 3, dtype="uint8").reshape(12, 4, 3, 3)
numpy.savez(here / "images.npz", x=pixels, y=y)
numpy.savez(here / "images_fortran.npz", x=numpy.asfortranarray(pixels), y=y)
