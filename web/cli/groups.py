"""The command group `coverdesk`: loads a command when it is called, prints expected errors as messages."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click


@contextmanager
def loading_modules() -> Iterator[None]:
    """Import many modules within it: the garbage collector neither runs meanwhile nor looks at them later.

    Modules live as long as the program, and searching a million new objects again and again for garbage takes
    a fifth of the time that importing the server takes.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


class DeskGroup(click.Group):
    """A group that loads the module of a command at its first use, and exits 1 at expected errors.

    `lazy` gives, by the name of the command, where it is ("module:attribute") and the first line of its help,
    so that neither the list of commands nor another command loads it.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, loaded or not."""
        return sorted(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command. Returns None for an unknown name."""
        if cmd_name in self.lazy and cmd_name not in self.commands:
            module, attribute = self.lazy[cmd_name][0].split(":")
            with loading_modules():
                self.add_command(getattr(import_module(module), attribute), cmd_name)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.lazy[name][1]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command. An expected error is printed as one message, and the exit status is 1."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            # only now: a list of commands or a wrong option needs neither the database nor the rules
            from web.cli.desk import explain

            explain(error)
            raise
