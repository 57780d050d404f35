"""The command line, `coverdesk`. Each command parses its arguments, calls one use case and prints the result.

Results go to standard output, everything else to standard error. Exit status: 0 on success, 1 on failure,
2 on wrong usage.
"""

import click

from web.cli.decisions import decisions
from web.cli.demo import demo
from web.cli.desk import DeskGroup
from web.cli.importing import import_export
from web.cli.jobs import migrate, run_job, scheduler
from web.cli.ledger import audit, checkpoint
from web.cli.rules import rules
from web.cli.serving import serve
from web.cli.storage import backup, restore
from web.cli.users import token, user
from workflows.operations.time_zone_data import use_newest_time_zone_data


@click.group(
    cls=DeskGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: coverdesk migrate && coverdesk serve --with-scheduler",
)
@click.version_option(package_name="coverdesk", message="%(prog)s %(version)s")
def main() -> None:
    """Coverdesk: contract coverage, draw-down and ledger of a support desk.

    The deployment is configured by environment variables (COVERDESK_...) or a .env file.
    """
    use_newest_time_zone_data()


for command in (
    migrate,
    serve,
    scheduler,
    run_job,
    user,
    token,
    rules,
    decisions,
    audit,
    checkpoint,
    import_export,
    demo,
    backup,
    restore,
):
    main.add_command(command)

if __name__ == "__main__":
    main()
