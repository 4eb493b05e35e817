from decimal import Decimal
table = about["table"]
def rows(path):  # as data sets are read; dictionaries from names of columns to cells do as well
    if path.endswith(".parquet"):
        import pyarrow.parquet
        return pyarrow.parquet.read_table(path).to_pylist()
    if path.endswith(".npz"):
        import numpy
        arrays = numpy.load(path)
        x = arrays["x" if "x" in arrays else "x_train"]
        return [{f"x[{k}]": cell for k, cell in enumerate(row)} for row in x.reshape(len(x), -1).tolist()]
    file = open(path, newline="", encoding="utf-8-sig")
    lines = csv.reader(file, delimiter="\t" if path.endswith(".tsv") else ",")
    lines = ([cell.strip() for cell in line] for line in lines if line)
    names = next(lines)
    return [dict(zip(names, line)) for line in lines]
def text(cell):  # nothing is empty, truth values are 1 and 0, numbers have neither exponent nor zeros at their end
    cell = cell.item() if hasattr(cell, "item") else cell
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, str):
        return cell.strip()
    number = cell if isinstance(cell, Decimal) else Decimal(int(cell)) if cell == int(cell) else Decimal(repr(cell))
    digits = format(number, "f")
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return "0" if digits == "-0" else digits
def number(cell, entry):
    cell = text(cell)
    missing = cell.lower() in table["missing"]
    if entry["take"] == "number":
        taken = entry["fill"] if missing else float(cell)
    else:
        taken = missing if entry["take"] == "missing" else entry["value"] == cell
    return (taken - entry["mean"]) / entry["std"]
inputs = [[number(row[entry["column"]], entry) for entry in table["inputs"]] for row in rows("rows.csv")]
outputs = net(torch.tensor(inputs))
