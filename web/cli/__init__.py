"""The command line, `coverdesk`. Each command parses its arguments, calls one use case and prints the result.

Results go to standard output, everything else to standard error. Exit status: 0 on success, 1 on failure,
2 on wrong usage.
"""

import click

from web.cli.groups import DeskGroup

COMMANDS = {
    "audit": ("web.cli.ledger:audit", "Recompute every balance from the ledger and verify every chain."),
    "backup": ("web.cli.storage:backup", "Copy the SQLite database to FILE, also while the desk is in use."),
    "checkpoint": ("web.cli.ledger:checkpoint", "Print a checkpoint of the ledger."),
    "customers": ("web.cli.customers:customers", "Customers and what is held on them."),
    "decisions": ("web.cli.decisions:decisions", "Stored coverage decisions."),
    "demo": ("web.cli.demo:demo", "Demonstration data."),
    "import": ("web.cli.importing:import_export", "Import service requests from another desk's CSV export."),
    "migrate": ("web.cli.jobs:migrate", "Bring the database schema up to date."),
    "retention": (
        "web.cli.retention:retention",
        "What is removed because it is older than the settings say.",
    ),
    "restore": ("web.cli.storage:restore", "Replace the SQLite database with a backup."),
    "rules": ("web.cli.rules:rules", "Rule sets."),
    "run-job": ("web.cli.jobs:run_job", "Run one job now, whether or not a scheduler is running."),
    "scheduler": ("web.cli.jobs:scheduler", "Run the background jobs until stopped."),
    "serve": ("web.cli.serving:serve", "Run the web server."),
    "token": ("web.cli.users:token", "API tokens."),
    "user": ("web.cli.users:user", "Users and their passwords."),
}
"""Where each command is, and the first line of its help. A test compares both with the commands."""


@click.group(
    cls=DeskGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: coverdesk migrate && coverdesk serve --with-scheduler",
)
@click.version_option(package_name="coverdesk", message="%(prog)s %(version)s")
def main() -> None:
    """Coverdesk: contract coverage, draw-down and ledger of a support desk.

    The deployment is configured by environment variables (COVERDESK_...) or a .env file.
    """
    from workflows.operations.time_zone_data import use_newest_time_zone_data

    use_newest_time_zone_data()


if __name__ == "__main__":
    main()
