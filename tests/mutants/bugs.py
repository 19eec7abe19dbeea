"""The planted bugs of tests/mutants/*.toml: reads them, finds the place of each, and reports errors of the list."""

import glob
import hashlib
import os
import re
import tomllib
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

FIELDS = {"id": str, "file": str, "text": str, "with": str, "does": str, "test": str, "survives": str, "hangs": bool}
NEEDED = ("id", "file", "text", "with", "does")
RUNGS = ("unit", "contract", "smoke")

# name: area/id. rungs: those that can detect it, the most likely first. test: an integration test that is played because no rung
# below can detect the bug. survives: why no test can. hangs: whether the bug is detected by a test that does not end.
Bug = namedtuple("Bug", "name area rungs file text replacement does test survives hangs")


def digest_of(bug):
    """A digest of what was played: rewording the sentence does not cause a new play."""
    return hashlib.sha256(repr((bug.file, bug.text, bug.replacement, bug.test)).encode()).hexdigest()[:16]


def read_all():
    """(bugs, errors of the list). An error is one sentence, with its remedy."""
    bugs, faults = [], []
    for path in sorted(glob.glob(os.path.join(HERE, "*.toml"))):
        area = os.path.basename(path).removesuffix(".toml")
        with open(path, "rb") as file:
            try:
                read = tomllib.load(file)
            except tomllib.TOMLDecodeError as error:
                faults.append(f"{area}.toml: {error}: mend its TOML")
                continue
        rungs = read.get("rungs", list(RUNGS))
        if not isinstance(rungs, list) or not set(rungs) <= set(RUNGS):
            faults.append(f"{area}.toml: rungs is a list of {', '.join(RUNGS)}")
        for entry in read.get("bug", []):
            name = f"{area}/{entry.get('id', '?')}"
            wrong = [field for field in NEEDED if field not in entry]
            wrong += [field for field, value in entry.items() if not isinstance(value, FIELDS.get(field, ()))]
            if wrong:
                faults.append(f"{name}: {', '.join(wrong)}: missing, not known or of another type: a bug has {', '.join(FIELDS)}")
                continue
            bugs.append(Bug(name, area, rungs, entry["file"], entry["text"].strip(), entry["with"].strip(), entry["does"],
                            entry.get("test", ""), entry.get("survives", ""), entry.get("hangs", False)))
    names = [bug.name for bug in bugs]
    faults += [f"{name} is there twice: rename one" for name in sorted({name for name in names if names.count(name) > 1})]
    return bugs, faults


def places_of(bug, source):
    """The places of its text. Blanks and line ends are equivalent, so that the text survives reformatting."""
    return list(re.finditer(r"\s+".join(re.escape(word) for word in bug.text.split()), source))


def planted(bug, source):
    place = places_of(bug, source)[0]
    return source[:place.start()] + bug.replacement + source[place.end():]


def test_exists(name):
    """Whether the file of test_file.Class.test_name contains such a class and function. unittest checks the rest."""
    file, _, rest = name.partition(".")
    path = os.path.join(ROOT, "tests", "integration", f"{file}.py")
    if rest.count(".") != 1 or not os.path.exists(path):
        return False
    with open(path, encoding="utf-8") as text:
        source = text.read()
    made_of, test = rest.split(".")
    return re.search(rf"^class {made_of}\b", source, re.MULTILINE) is not None and f"def {test}(" in source


def fault_of(bug):
    """Why it cannot be planted, or ''."""
    path = os.path.join(ROOT, bug.file)
    if not os.path.exists(path):
        return f"{bug.name}: there is no file {bug.file}: name the one to which its text has gone"
    with open(path, encoding="utf-8") as file:
        source = file.read()
    count = len(places_of(bug, source))
    if count != 1:
        return (f"{bug.name}: its text is found {count} times in {bug.file}: "
                + ("write more of it, until it is there once" if count else "write it as the code is now, or plant another bug"))
    if planted(bug, source) == source:
        return f"{bug.name}: its replacement is what {bug.file} has already: write a bug"
    if bug.test and not test_exists(bug.test):
        return f"{bug.name}: there is no test {bug.test}: name one of tests/integration as test_file.Class.test_name"
    return ""


def faults_of_all():
    bugs, faults = read_all()
    return bugs, faults + [fault for fault in map(fault_of, bugs) if fault]
