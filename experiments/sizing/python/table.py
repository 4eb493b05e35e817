table = about["table"]
def number(cell, entry):
    missing = cell.lower() in table["missing"]
    if entry["take"] == "number":
        taken = entry["fill"] if missing else float(cell)
    else:
        taken = missing if entry["take"] == "missing" else cell == entry["value"]
    return (taken - entry["mean"]) / entry["std"]
rows = csv.DictReader(open("rows.csv"))  # or any dictionaries from names of columns to texts, an empty one for null
outputs = net(torch.tensor([[number(row[entry["column"]].strip(), entry) for entry in table["inputs"]] for row in rows]))
