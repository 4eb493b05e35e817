"""Lists what differs between the reports at a git revision and those in the work tree.

    python3 scripts/compare_reports.py REVISION [NAME, for instance size-gate or size-gate/mnist/quick]...

Looks at every estimate, interval, verdict and reason in `summary.json`, at the numbers in the page's tables and at
what the figures draw. Dates, revisions and commands are left out, as they say who recorded, not what was found, and so
are the inputs of claims, from which the estimates come. The exit code is 1 if anything differs. Needs Python 3.11 and git alone.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from xml.etree import ElementTree

LEFT_OUT = {"date", "revision", "dirty", "command", "evidence"}
SHOWN = 8
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻·", "0123456789-.")


def git(*arguments):
    return subprocess.run(["git", *arguments], check=True, capture_output=True).stdout


def flat(value, path=""):
    """The leaves of a JSON value by their place; claims are placed by their id, so that order does not matter."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in LEFT_OUT:
                continue
            yield from flat(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            name = inner.get("id", number) if isinstance(inner, dict) else number
            yield from flat(inner, f"{path}[{name}]")
    else:
        yield path, value


def plain(cell):
    """A cell with its numbers as programs write them: minus signs as hyphens, powers of ten with an e."""
    power = re.compile(r"(?:([\d.]+)×|(?<!\d))10([⁰¹²³⁴⁵⁶⁷⁸⁹⁻·]+)")
    return power.sub(lambda found: f"{found[1] or 1}e{found[2].translate(RAISED)}", cell.replace("−", "-"))


def summary(text):
    return dict(flat(json.loads(text)))


class Wide(HTMLParser):
    """The rows of a page's tables of results, each table with its title; settings and provenance are none of them."""

    def __init__(self):
        super().__init__()
        self.tables, self.title, self.cell, self.wide = [], "", None, False

    def handle_starttag(self, tag, attributes):
        if tag == "div" and ("class", "wide") in attributes:
            self.wide = True
            self.tables.append((self.title, []))
        elif tag == "summary":
            self.title = self.cell = ""
        elif self.wide and tag == "tr":
            self.tables[-1][1].append([])
        elif self.wide and tag in ("th", "td"):
            self.cell = ""

    def handle_endtag(self, tag):
        if tag == "div":
            self.wide = False
        elif tag == "summary" and self.cell is not None:
            self.title, self.cell = self.cell.strip(), None
        elif self.wide and tag in ("th", "td"):
            self.tables[-1][1][-1].append(plain(self.cell.strip()))
            self.cell = None

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data


def tables(text):
    """The cells of a page's tables by table, row and column; columns by their head."""
    page, cells = Wide(), {}
    page.feed(text)
    for title, (head, *rows) in page.tables:
        for row in rows:
            place = f"{title}, {row[0]}"
            repeated = sum(key[0] == place for key in cells)
            for column, cell in enumerate(row[1:], 1):
                name = head[column] if column < len(head) else column
                cells[place if not repeated else f"{place} ({repeated})", name] = cell
    return {f"{place}, {column}": cell for (place, column), cell in cells.items()}


def drawn(text):
    """What a figure draws: each shape with its geometry and colour, each text with its words."""
    marks = Counter()
    for element in ElementTree.fromstring(text).iter():
        kind = element.tag.rpartition("}")[2]
        words = (element.text or "").strip()
        geometry = " ".join(f"{key}={value}" for key, value in sorted(element.attrib.items()) if key != "style")
        marks[f"{kind} {geometry} {words}".strip()] += 1
    return marks


def between(before, after):
    """The places at which two flat values differ, in the order of `before`."""
    for place in dict.fromkeys([*before, *after]):
        if before.get(place) != after.get(place):
            yield f"{place}: {before.get(place, 'nothing')} -> {after.get(place, 'nothing')}"


def figure(before, after):
    gone, come = drawn(before) - drawn(after), drawn(after) - drawn(before)
    lost, new = list(gone.elements()), list(come.elements())
    total = sum(drawn(after).values())
    if lost or new:
        yield f"{max(len(lost), len(new))} of {total} marks differ"
        for old, now in list(zip(lost + ["nothing"] * len(new), new + ["nothing"] * len(lost)))[:3]:
            if (old, now) != ("nothing", "nothing"):
                yield f"  {old[:150]} -> {now[:150]}"


def differences(path, before, after):
    """Says in what two versions of one file of a report differ."""
    if path.endswith("summary.json"):
        return list(between(summary(before), summary(after)))
    if path.endswith("index.html"):
        return list(between(tables(before), tables(after)))
    return list(figure(before, after))


def compared(path):
    return path.endswith(("/summary.json", "/index.html", ".svg")) and path.count("/") > 2


def at_revision(revision):
    """The reports' files at a revision, each read when it is asked for."""
    paths = git("ls-tree", "-r", "--name-only", "-z", revision, "reports").decode().split("\0")
    return {path: lambda path=path: git("show", f"{revision}:{path}").decode() for path in paths if compared(path)}


def in_work_tree():
    files = (path for path in pathlib.Path("reports").rglob("*") if path.is_file())
    return {str(path): path.read_text for path in files if compared(str(path))}


def report_of(path):
    return "/".join(path.split("/")[1:4])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("revision")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--all", action="store_true", help=f"list every difference, not {SHOWN} a file")
    asked = parser.parse_args()
    before, after = at_revision(asked.revision), in_work_tree()
    files, unlike = 0, 0
    for path in sorted(before.keys() | after.keys()):
        if asked.names and not any(f"{report_of(path)}/".startswith(f"{name}/") for name in asked.names):
            continue
        files += 1
        if path not in before or path not in after:
            lines = ["only in the work tree" if path in after else f"only at {asked.revision}"]
        else:
            lines = differences(path, before[path](), after[path]())
        if lines:
            unlike += 1
            print(f"{path}: {len(lines)} differences" if len(lines) > 1 else f"{path}: {lines[0]}")
            for line in (lines if asked.all else lines[:SHOWN]) if len(lines) > 1 else []:
                print(f"  {line}")
    print(f"{unlike} of {files} files differ from {asked.revision}")
    return 1 if unlike or not files else 0


if __name__ == "__main__":
    sys.exit(main())
