"""Checks that DuckDB, polars, pandas and pyarrow all read every column of every Parquet file rightly.

    python scripts/check_rows.py [FOLDER, by default reports]

The right answers are counted value by value from the decoded columns; the four tools are asked through
their filters, which draw on statistics and types in the file. Each disagreement is named; the exit code is 1
if there is any. Needs the packages in requirements.txt.
"""

import math
import multiprocessing
import pathlib
import sys

import duckdb
import pandas
import polars
import pyarrow.compute
import pyarrow.dataset
import pyarrow.parquet

BELOW, ABOVE, EQUAL = "<", ">", "<>"


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def probes(values):
    """Constants to compare a column with: its own values, between them, and far outside."""
    present = [v for v in values if v is not None and v == v]
    if not present:
        return []
    if isinstance(present[0], bool):
        return [True, False]
    ordered = sorted(set(present))
    chosen = [ordered[0], ordered[len(ordered) // 2], ordered[-1]]
    if isinstance(present[0], float):
        chosen += [1e300, -1e300, 1.0, math.inf]
    if isinstance(present[0], int):
        chosen += [ordered[-1] + 1, ordered[0] - 1]
    return list(dict.fromkeys(chosen))


def right(values, sign, constant, nan_is_largest):
    """Counts row by row. SQL and polars order NaN above every number; pyarrow and pandas follow IEEE 754."""
    count = 0
    for value in values:
        if value is None:
            continue
        if value != value:
            count += {BELOW: False, ABOVE: nan_is_largest, EQUAL: True}[sign]
        else:
            count += {BELOW: value < constant, ABOVE: value > constant, EQUAL: value != constant}[sign]
    return count


def extremes(values):
    present = [v for v in values if v is not None and v == v]
    return (min(present), max(present)) if present else (None, None)


def by_duckdb(path, name, sign, constant):
    query = f"SELECT count(*) FROM read_parquet(?) WHERE {sql_name(name)} {sign} ?"
    return duckdb.execute(query, [str(path), constant]).fetchone()[0]


def by_polars(path, name, sign, constant):
    column = polars.col(name)
    wanted = {BELOW: column < constant, ABOVE: column > constant, EQUAL: column != constant}[sign]
    return polars.scan_parquet(path, glob=False).filter(wanted).select(polars.len()).collect().item()


PYARROW_SIGNS = {BELOW: "<", ABOVE: ">", EQUAL: "!="}


def by_pandas(path, name, sign, constant):
    return len(pandas.read_parquet(path, columns=[name], filters=[(name, PYARROW_SIGNS[sign], constant)]))


def by_pyarrow(path, name, sign, constant):
    field = pyarrow.compute.field(name)
    wanted = {BELOW: field < constant, ABOVE: field > constant, EQUAL: field != constant}[sign]
    return pyarrow.dataset.dataset(path).count_rows(filter=wanted)


TOOLS = {"DuckDB": (by_duckdb, True), "polars": (by_polars, True), "pandas": (by_pandas, False), "pyarrow": (by_pyarrow, False)}


def sql_name(name):
    return '"' + name.replace('"', '""') + '"'


def lazy(path):
    return polars.scan_parquet(path, glob=False)


# pandas knows no difference between NaN and null in NumPy's floats: it is asked for Arrow's.
NULLS = {
    "DuckDB": lambda path, name: duckdb.execute(
        f"SELECT count(*) FROM read_parquet(?) WHERE {sql_name(name)} IS NULL", [str(path)]
    ).fetchone()[0],
    "polars": lambda path, name: lazy(path).filter(polars.col(name).is_null()).select(polars.len()).collect().item(),
    "pandas": lambda path, name: int(
        pandas.read_parquet(path, columns=[name], dtype_backend="pyarrow")[name].array._pa_array.null_count
    ),
    "pyarrow": lambda path, name: pyarrow.dataset.dataset(path).count_rows(
        filter=pyarrow.compute.field(name).is_null()
    ),
}


def is_float(path, name):
    return pyarrow.types.is_floating(pyarrow.parquet.read_schema(path).field(name).type)


def ends_by_duckdb(path, name):
    column = sql_name(name)
    kept = f"WHERE NOT isnan({column})" if is_float(path, name) else ""
    return duckdb.execute(f"SELECT min({column}), max({column}) FROM read_parquet(?) {kept}", [str(path)]).fetchone()


def ends_by_polars(path, name):
    column = polars.col(name)
    rows = lazy(path).filter(~column.is_nan()) if is_float(path, name) else lazy(path)
    return rows.select(column.min().alias("low"), column.max().alias("high")).collect().row(0)


def ends_by_pandas(path, name):
    series = pandas.read_parquet(path, columns=[name])[name].dropna()
    return (series.min(), series.max()) if len(series) else (None, None)


def ends_by_pyarrow(path, name):
    array = pyarrow.parquet.read_table(path, columns=[name])[name]
    if is_float(path, name):
        array = array.filter(pyarrow.compute.invert(pyarrow.compute.is_nan(array)))
    ends = pyarrow.compute.min_max(array).as_py()
    return ends["min"], ends["max"]


ENDS = {"DuckDB": ends_by_duckdb, "polars": ends_by_polars, "pandas": ends_by_pandas, "pyarrow": ends_by_pyarrow}


def answer(ask, *arguments):
    try:
        return ask(*arguments)
    except Exception as error:  # a tool that cannot answer is a finding
        return repr(error)[:120]


def questions(path, name, values):
    """All questions about a column, each as what is asked, the tool, the way to ask it, and the right answer."""
    for constant in probes(values):
        for sign in (BELOW, ABOVE, EQUAL):
            expected = {largest: right(values, sign, constant, largest) for largest in (True, False)}
            for tool, (count, nan_is_largest) in TOOLS.items():
                what = f"{name} {sign} {constant!r}"
                yield what, tool, (count, path, name, sign, constant), expected[nan_is_largest]
    for tool, count in NULLS.items():
        yield f"{name} IS NULL", tool, (count, path, name), sum(value is None for value in values)
    for tool, ends in ENDS.items():
        yield f"least and most of {name}", tool, (ends, path, name), extremes(values)


def check(path):
    """Asks all tools about all columns of a file; returns the complaints and the numbers of columns and questions."""
    table, asked, complaints = pyarrow.parquet.read_table(path), 0, []
    for name in table.column_names:
        for what, tool, ask, expected in questions(path, name, table[name].to_pylist()):
            found, asked = answer(*ask), asked + 1
            if found != expected:
                complaints.append(f"{path}: {tool}: {what}: expected {expected}, found {found}")
    return complaints, len(table.column_names), asked


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "reports")
    # Large files first, so that no process is left alone with one; processes are started anew, for the tools have threads.
    files = sorted(folder.rglob("*.parquet"), key=lambda path: -path.stat().st_size)
    with multiprocessing.get_context("spawn").Pool() as pool:
        of_files = pool.map(check, files, chunksize=1)
    complaints = [complaint for of_file in of_files for complaint in of_file[0]]
    columns, asked = sum(of_file[1] for of_file in of_files), sum(of_file[2] for of_file in of_files)
    print("\n".join(complaints[:50]))
    print(f"{len(files)} files, {columns} columns, {asked} questions: {len(complaints)} wrong answers")
    sys.exit(1 if complaints or not files else 0)


if __name__ == "__main__":
    main()
