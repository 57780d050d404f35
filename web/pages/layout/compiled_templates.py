"""Stores compiled templates on disk: otherwise each worker compiles each page again after each start.

They lie in `web/__pycache__`, which is for compiled modules, under the same conditions: where Python writes
no bytecode, or the folder cannot be written to, templates are compiled in memory.
"""

import sys
from contextlib import suppress
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket, FileSystemBytecodeCache

FOLDER = Path(__file__).parents[2] / "__pycache__"


class CompiledTemplates(FileSystemBytecodeCache):
    """Jinja's cache in files, for which a disk that is full or read-only is no error.

    A file is valid for one text of its template, one Python and one Jinja.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder), f"template-{jinja2.__version__}-%s.cache")

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().dump_bytecode(bucket)

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().load_bytecode(bucket)


def compiled_templates() -> CompiledTemplates | None:
    """Return the cache, or None where Python must write no bytecode."""
    return None if sys.dont_write_bytecode else CompiledTemplates(FOLDER)
