"""Compiled templates on disk: read again by the next process, and never a reason for an error."""

from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from web.pages.layout.compiled_templates import CompiledTemplates, compiled_templates


def _rendered(folder: Path, source: str) -> str:
    environment = Environment(
        loader=DictLoader({"page.html": source}), bytecode_cache=CompiledTemplates(folder), autoescape=True
    )
    return environment.get_template("page.html").render()


def test_a_compiled_template_is_read_by_the_next_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _rendered(tmp_path, "{{ 1 + 1 }}") == "2"
    assert len(list(tmp_path.iterdir())) == 1
    compiled: list[str] = []
    compile_once = Environment._compile

    def count(self: Environment, source: str, filename: str) -> object:
        compiled.append(filename)
        return compile_once(self, source, filename)

    monkeypatch.setattr(Environment, "_compile", count)
    assert _rendered(tmp_path, "{{ 1 + 1 }}") == "2"
    assert compiled == []


def test_a_changed_template_is_compiled_again(tmp_path: Path) -> None:
    assert _rendered(tmp_path, "{{ 1 + 1 }}") == "2"
    assert _rendered(tmp_path, "{{ 2 + 2 }}") == "4"


@pytest.mark.parametrize("content", [b"", b"j2", b"\x00" * 200])
def test_a_file_that_is_no_compiled_template_is_compiled_again(tmp_path: Path, content: bytes) -> None:
    _rendered(tmp_path, "{{ 1 + 1 }}")
    [stored] = tmp_path.iterdir()
    stored.write_bytes(content)
    assert _rendered(tmp_path, "{{ 1 + 1 }}") == "2"
    assert stored.stat().st_size > len(content)


def test_a_folder_that_is_missing_or_no_folder_is_no_error(tmp_path: Path) -> None:
    assert _rendered(tmp_path / "missing", "{{ 1 + 1 }}") == "2"
    (tmp_path / "file").write_text("")
    assert _rendered(tmp_path / "file", "{{ 1 + 1 }}") == "2"


def test_where_python_writes_no_bytecode_neither_does_this(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    assert compiled_templates() is None
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    assert compiled_templates() is not None
