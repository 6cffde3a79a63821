"""The whole way of a consent, as in the demo: a form, the mail that asks, the button, the first piece."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from nurture import clock
from nurture.assembly import begin, open_nurture
from nurture.core.facts import FormSent, Learned
from nurture.drivers.demo import START, free_port, live, set_up
from nurture.engine.arriving import form_sent
from nurture.intake.forms import Heard
from nurture.simulation.inbox import Inbox, Received
from nurture.simulation.personas import Act, Dice, Person, plan, read
from nurture.store.tables import CONSENTS, FACTS

ADA = Person("ada@mill.example", "evaluator", {}, "198.51.100.7")


def test_a_stranger_who_ticks_the_box_and_confirms_is_written_to(tmp_path: Path) -> None:
    folder = tmp_path / "myco"
    kinds, ledger, consents = asyncio.run(played(folder))
    assert kinds[:3] == ["Entered", "Learned", "FormSent"]
    assert kinds.index("Consented") < kinds.index("TouchEnded")
    assert [bool(read(one.raw).confirm) for one in ledger].count(True) == 1
    assert read(ledger[0].raw).confirm and not read(ledger[1].raw).confirm
    assert [(row.way, row.source) for row in consents] == [("confirmation", "form guide")]


async def played(folder: Path) -> tuple[list[str], list[Received], Any]:
    with clock.virtual(START):
        begin(folder)
        async with Inbox() as inbox:
            set_up(folder, 1, smtp=inbox.port, web=free_port())
            with open_nurture(folder) as nurture:
                programme = nurture.programme()
                form = programme.forms["guide"]
                values = {"role": "controller", "employees": 400.0, "country": "GB"}
                heard = Heard(
                    ADA.address, Learned(values, (), "form guide"), {}, FormSent("guide"), True, False
                )
                work = form_sent(
                    form, heard, START, programme, links_in=lambda *_: 0,
                    suppression_key=nurture.secrets.suppression,
                )  # fmt: skip
                prospect = await nurture.store.write(work)

                def reactions(message: Received) -> list[Act]:
                    dice = Dice(3, message.message_id)
                    return (
                        plan(ADA, read(message.raw), message.at, dice)
                        if message.recipient == ADA.address
                        else []
                    )

                await live(nurture, inbox, reactions, START, START + timedelta(days=5))

                def rows(table: Any) -> Any:
                    query = select(table).where(table.c.prospect == prospect).order_by(*table.primary_key)
                    return nurture.store.read(lambda c: c.execute(query).all())

                return [row.kind for row in rows(FACTS)], inbox.ledger, rows(CONSENTS)
