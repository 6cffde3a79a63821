"""The command line: one thin file per noun, loaded only when its command is asked for."""

import sys
import traceback
from importlib import import_module

import click

from nurture.errors import Mistake

COMMANDS = {
    "init": "init",
    "demo": "demo",
    "check": "check",
    "schema": "schema",
    "apply": "apply",
    "test": "test",
    "import": "imports",
    "run": "run",
    "wake": "wake",
    "journey": "journey",
    "why": "why",
    "prospect": "prospect",
    "handoff": "handoff",
    "outbox": "outbox",
    "intake": "intake",
    "suppress": "suppress",
    "consent": "consent",
    "webhook": "webhook",
    "doctor": "doctor",
    "verify": "verify",
}
"""Command -> module of this package, whose `command` it is; in the order `--help` shows them."""


class Nouns(click.Group):
    """Loads a command's module when it is needed, so `--help` and the quick ones stay quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, in the order of a newcomer's day."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"nurture.cli.{COMMANDS[cmd_name]}")
        command: click.Command = module.command
        return command


@click.command(cls=Nouns, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="nurture")
def nurture() -> None:
    """Hold every prospect in a journey, write when it is worth it, hand over when both teams agreed.

    \b
    See it work:       nurture demo
    Start your own:    nurture init myco && cd myco && nurture check
    Ask about someone: nurture why ada@example.com
    """


def main() -> None:
    """Run; a person's mistake is a sentence and exit code 1, a bug a traceback and exit code 3."""
    try:
        # gives the code of an Exit, and does not raise it
        code = nurture(standalone_mode=False, prog_name="nurture")
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(1 if error.exit_code == 1 else 2)
    except Mistake as mistake:
        click.secho(f"Error: {mistake}", fg="red", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        if import_module("nurture.store.engines").is_away(error):
            said = "the database went away in the middle: see that it runs, then try again"
            click.secho(f"Error: {said}", fg="red", err=True)
            sys.exit(1)
        traceback.print_exc()
        click.secho(
            "This is a bug in nurture, not your mistake. The lines above say where.", fg="red", err=True
        )
        sys.exit(3)
