table = about["table"]
def number(cell, entry):
    missing = cell.strip().lower() in table["missing"]
    if entry["take"] == "number":
        taken = entry["fill"] if missing else float(cell)
    else:
        taken = missing if entry["take"] == "missing" else entry["value"] in (cell, cell.strip())
    return (taken - entry["mean"]) / entry["std"]
rows = csv.DictReader(open("rows.csv", newline="", encoding="utf-8-sig"))  # or any dictionaries from names of columns to texts, an empty one for null
outputs = net(torch.tensor([[number(row[entry["column"]], entry) for entry in table["inputs"]] for row in rows]))
