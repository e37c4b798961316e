"""Nothing that is read from a store can run code: no module of ours imports a serializer that could."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("console", "tasks", "storage")
RUN_CODE = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "jsonpickle", "joblib"}


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that some code imports, also by name at run time."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Call):
            yield from (one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str))


def offenders(root: Path, packages: tuple[str, ...]) -> list[str]:
    found = []
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            names = {name.split(".")[0] for name in imported(ast.parse(path.read_text("utf-8")))}
            found += [f"{path.relative_to(root)} imports {name}" for name in sorted(names & RUN_CODE)]
    return found


def test_no_package_imports_a_serializer_that_runs_code() -> None:
    assert offenders(ROOT, PACKAGES) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from pickle import loads",
        "import os, marshal",
        'import importlib; importlib.import_module("dill")',
    ],
)
def test_the_check_sees_every_way_to_import_one(tmp_path: Path, line: str) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "x.py").write_text(f"def f():\n    {line}\n")
    assert len(offenders(tmp_path, ("tasks",))) == 1
