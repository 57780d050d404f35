"""The maps in the READMEs: each names every package and module of its folder, and only files that exist."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
READMES = [
    path
    for path in subprocess.run(
        ["git", "ls-files", "*README.md"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout.split()
    if "/vendor/" not in path
]
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"(?:[\w.-]+/)*[\w.-]+(?:\.py|\.json|\.sh|\.conf|/)|[a-z_]+(?:/[a-z_]+)+")
WORD = re.compile(r"[a-z_]+")
BILLING = [
    f"workflows/billing/{name}"
    for name in (
        "invoicing", "journals", "sold", "issuing", "overage", "reminders", "payments", "bank", "documents",
    )
]  # fmt: skip
MAPS = [
    # the README, the folder that it maps, where the map begins and ends in it
    ("engine/README.md", "engine", "", ""),
    ("engine/README.md", "engine/rulebook", "## The rule files", "Owns:"),
    ("workflows/README.md", "workflows", "## Packages", "## A service request"),
    *(
        ("workflows/README.md", folder, "| package of `billing/`", "\n\n")
        for folder in ("workflows/billing", *BILLING)
    ),
    ("workflows/store/README.md", "workflows/store", "", ""),
    ("workflows/ledger/README.md", "workflows/ledger", "", ""),
    ("workflows/people/README.md", "workflows/people", "", ""),
    ("web/README.md", "web", "", ""),
    ("web/README.md", "web/pages", "", ""),
]
ELSEWHERE = {"edited/coverage.json", "my-mapping.json", "n/a", "postgresql.conf"}
"""Files of the reader, and words that look like one."""


def modules(folder: str) -> set[str]:
    """The modules and packages in a folder."""
    found = (CHECKOUT / folder).iterdir()
    return {
        path.stem
        for path in found
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists()
    }


def section(readme: str, begins: str, ends: str) -> str:
    text = (CHECKOUT / readme).read_text(encoding="utf-8")
    text = text[text.index(begins) :]
    return text[: text.index(ends)] if ends else text


@pytest.mark.parametrize(("readme", "folder", "begins", "ends"), MAPS)
def test_a_map_names_each_module(readme: str, folder: str, begins: str, ends: str) -> None:
    text = section(readme, begins, ends)
    named = {word for code in CODE.findall(text) for word in WORD.findall(code)}
    shared = {name for name in modules(folder) for code in CODE.findall(text) if _stands_for(code, name)}
    assert modules(folder) - named - shared == set()


def _stands_for(code: str, name: str) -> bool:
    """Whether `statement_…` in a map means the module."""
    return code.endswith("…") and name.startswith(code[:-1])


@pytest.mark.parametrize("readme", READMES)
def test_a_readme_names_files_that_are_there(readme: str) -> None:
    own = (CHECKOUT / readme).parent
    files = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    tracked = {f"/{path}" for path in files.stdout.splitlines()}
    known = tracked | {f"{parent}/" for path in tracked for parent in map(str, Path(path).parents)}
    missing = [
        code
        for code in CODE.findall((CHECKOUT / readme).read_text(encoding="utf-8"))
        if PATH.fullmatch(code)
        and code not in ELSEWHERE
        and not (own / code).exists()
        and not any(path.endswith((f"/{code}", f"/{code}.py", f"/{code}.sh", f"/{code}/")) for path in known)
    ]
    assert missing == []


def test_the_layers_are_those_that_imports_are_checked_by() -> None:
    with (CHECKOUT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    [layered] = [one for one in contracts if one["type"] == "layers" and one.get("containers")]
    text = section("README.md", "The packages of `workflows/`", "Where a package has them")
    lines = [line[:54].split() for line in text.split("```")[1].strip().splitlines()]
    wanted = [layer.replace("|", " ").split() for layer in layered["layers"]]
    layer_of = {name: number for number, layer in enumerate(wanted) for name in layer}
    assert sorted(name for line in lines for name in line) == sorted(layer_of)
    # a long layer has two lines
    numbers = [{layer_of[name] for name in line} for line in lines]
    assert all(len(one) == 1 for one in numbers)
    assert [min(one) for one in numbers] == sorted(min(one) for one in numbers)
