"""`nurture suppress`: addresses and domains that are never mailed."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click

from nurture import clock
from nurture.assembly import open_nurture
from nurture.cli.printing import listing, next_step, show
from nurture.engine.lifting import lift
from nurture.errors import Mistake
from nurture.intake.addresses import NoAddress, normalise
from nurture.intake.csv import open_table
from nurture.store import suppress, suppress_many, suppressions

MOST_SHOWN = 20

reason = click.option(
    "--reason",
    type=click.Choice(suppressions.BY_US),
    default="manual",
    show_default=True,
    help="Who they are to us.",
)


@click.group("suppress", short_help="Addresses and domains that are never mailed.")
def command() -> None:
    """Never mail an address or a whole domain. Kept as keyed hashes, so the list names nobody.

    \b
    nurture suppress add acme.example --reason customer --why "contract 4711"
    nurture suppress import rivals.txt --reason competitor
    nurture suppress remove ada@acme.example --why "signed the form at the fair"

    A domain covers the addresses right at it; a subdomain is another name.
    """


@command.command()
@click.argument("name")
@reason
@click.option("--why", default="", help="Who asked, and how: kept as evidence.")
def add(name: str, reason: str, why: str) -> None:
    """Never mail NAME, an address or a domain, from now on. What is on its way is stopped at the fence."""
    with open_nurture(Path.cwd()) as nurture:
        key, now = nurture.secrets.suppression, clock.now()
        nurture.store.write_now(lambda connection: suppress(connection, key, _plain(name), reason, now, why))
    click.secho(f"{name} is never mailed from now on.", fg="green")
    next_step(f"nurture suppress remove {name} --why REASON  (takes it back)")


@command.command("import", short_help="Never mail the addresses and domains in a file.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--column", help="The column of a CSV file; without it, the file has one name a line.")
@reason
@click.option("--why", default="", help="Where the list comes from; without it, the file's name.")
def import_(file: Path, column: str | None, reason: str, why: str) -> None:
    """Never mail the addresses and domains in FILE, such as the domains of all customers.

    Blank lines and lines that begin with # are left out. A name that cannot be read is said and left out.
    """
    good: dict[str, str] = {}
    bad: list[str] = []
    for number, name in _column(file, column) if column else _lines(file):
        try:
            good[_plain(name)] = reason
        except Mistake as wrong:
            bad.append(f"row {number}: {wrong}")
    with open_nurture(Path.cwd()) as nurture:
        work = partial(
            suppress_many, key=nurture.secrets.suppression, reasons=good, at=clock.now(),
            evidence=why or file.name,
        )  # fmt: skip
        nurture.store.write_now(work)
    click.secho(f"{len(good):,} names are never mailed from now on.", fg="green")
    _refused(bad, "" if column else "; for a CSV file name its --column")


@command.command("list", short_help="List what is suppressed, the newest first.")
@listing
def list_(format: str) -> None:
    """List what is suppressed, the newest first: when, why, by which evidence, for all mail or a sequence."""
    with open_nurture(Path.cwd()) as nurture:
        rows = nurture.store.read(suppressions.list_suppressions)
    names = ("covers", "reason", "scope", "at", "evidence")
    show(
        [{name: getattr(row, name) for name in names} for row in rows], format, empty="Nobody is suppressed."
    )


@command.command()
@click.argument("name")
@click.option("--why", default="", help="Evidence of a new consent; needed where the person had said no.")
@click.option(
    "--scope", default=suppressions.ALL, help="The one sequence they had left; without it, all mail."
)
def remove(name: str, why: str, scope: str) -> None:
    """Mail NAME again. What a person asked for themselves is lifted only on evidence of a new consent."""
    with open_nurture(Path.cwd()) as nurture:
        work = partial(
            lift, name=_plain(name), key=nurture.secrets.suppression, why=why, now=clock.now(),
            programme=nurture.programme().hash, scope=scope,
        )  # fmt: skip
        lifted = nurture.store.write_now(work)
    if not lifted:
        raise Mistake(f"{name} is not suppressed")
    click.secho(f"{name} may be mailed again.", fg="green")
    next_step(f"nurture consent show {name}" if "@" in name else "nurture wake")


def _plain(name: str) -> str:
    """An address in its one spelling, or a domain in small letters."""
    try:
        return normalise(name) if "@" in name else normalise(f"anybody@{name}").partition("@")[2]
    except NoAddress as wrong:
        said = f": {wrong}" if "@" in name else "; write it like ada@acme.example or acme.example"
        raise Mistake(f"{name[:80]} is neither an address nor a domain{said}") from None


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """The names of a plain list, with the numbers of their lines."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise Mistake(f"{file} cannot be read as UTF-8 text; for a CSV file name its --column") from None
    for number, line in enumerate(text.splitlines(), 1):
        name = line.strip().lstrip("@")
        if name and not name.startswith("#"):
            yield number, name


def _column(file: Path, column: str) -> Iterator[tuple[int, str]]:
    """The cells of one column, with the numbers of their rows."""
    table = open_table(file)
    if table.header.count(column) != 1:
        known = ", ".join(name for name in table.header if name)
        raise Mistake(f"{file} has no one column {column!r}; it has {known}")
    place = table.header.index(column)
    for row in table.rows():
        if row.problem:
            yield row.number, row.problem
        elif name := row.cells[place].strip().lstrip("@"):
            yield row.number, name


def _refused(bad: list[str], hint: str) -> None:
    """What could not be read: the first ones by name, how many there are, and what may be amiss."""
    for line in bad[:MOST_SHOWN]:
        click.secho(line, fg="yellow", err=True)
    if bad:
        more = f", the first {MOST_SHOWN} are listed" if len(bad) > MOST_SHOWN else ""
        raise Mistake(f"{len(bad):,} rows could not be read{more}; all others are suppressed{hint}")
