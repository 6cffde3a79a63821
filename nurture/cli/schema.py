"""`nurture schema`: JSON Schemas, so that editors complete and check the YAML."""

import json
from pathlib import Path

import click

from nurture.authoring import schemas
from nurture.cli.printing import next_step
from nurture.errors import Mistake


@click.command("schema", short_help="Write JSON Schemas for your editor.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write one file a schema here.")
def command(out: Path | None) -> None:
    """Print the JSON Schemas of programme, agreement, sequence and front matter.

    With --out they are written as files. A YAML file then begins with, for example,
    `# yaml-language-server: $schema=schemas/programme.schema.json`.
    """
    if out is None:
        click.echo(json.dumps(schemas(), indent=2, ensure_ascii=False))
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, schema in schemas().items():
            file = out / f"{name}.schema.json"
            file.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            click.echo(str(file))
    except OSError as wrong:
        raise Mistake(f"{out} cannot be written: {wrong.strerror}") from None
    next_step(f"begin programme.yaml with  # yaml-language-server: $schema={out}/programme.schema.json")
