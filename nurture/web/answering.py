"""`/f/{form}`: the forms of nurture.toml, as pages of ours and as the target of forms elsewhere.

Whoever sends one is found by the address typed in and by nothing else; somebody new enters with the form's
source and kind. Everything is committed before the answer, a redirect to `/thanks`. What a program filled in
is dropped, logged and counted.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from nurture import clock
from nurture.core.programme import Attribute, Form, Programme
from nurture.engine.arriving import form_sent
from nurture.intake.forms import CONSENT, EMAIL, HONEYPOT, Problem, Refused, read_form
from nurture.store import dropped
from nurture.web import asking
from nurture.web.limits import Limit
from nurture.web.needs import Needs
from nurture.web.page import message, page

LARGEST_BODY = 16_384
FORMS_A_MINUTE = 20
FORMS_OF_AN_ADDRESS = 5
"""In a minute, from wherever they come."""

logger = logging.getLogger(__name__)


class Answering:
    """The endpoints of forms."""

    def __init__(self, needs: Needs) -> None:
        self.needs = needs
        self.limit = Limit(FORMS_A_MINUTE)
        self.addresses = Limit(FORMS_OF_AN_ADDRESS)

    async def show(self, request: Request) -> Response:
        """GET, HEAD /f/{form}: the form as a page. Changes nothing."""
        form = self._form(request)
        return _form_page(self.needs.programme(), form, (), (), 200)

    async def take(self, request: Request) -> Response:
        """POST /f/{form}: 303 to the thanks; 422 and the form again where a field is wrong."""
        needs, form, now = self.needs, self._form(request), clock.now()
        network = asking.network(request, needs.trusted_proxies)
        if not self.limit.takes(network, now):
            raise HTTPException(429)
        typed = await asking.fields(request, await asking.body(request, LARGEST_BODY))
        programme = needs.programme()
        heard = read_form(form, programme.attributes, typed)
        if isinstance(heard, Refused):
            return _form_page(programme, form, typed, heard.problems, 422)
        if heard.by_program:
            logger.warning(
                "A program filled in the form %s, from %s: dropped", form.name, network or "nowhere"
            )
            await needs.store.write(lambda connection: dropped.count_one(connection, form.name))
        elif not self.addresses.takes(heard.address, now):
            raise HTTPException(429)
        else:
            work = form_sent(
                form, heard, now, programme, links_in=needs.links_in,
                suppression_key=needs.suppression_key, network=network, networks=needs.networks,
            )  # fmt: skip
            await needs.store.write(work)
        return RedirectResponse(f"{needs.public}/thanks", 303)

    async def thanks(self, request: Request) -> Response:
        """GET, HEAD /thanks."""
        return message(self.needs.programme(), "Thank you", "We have received what you sent.")

    def _form(self, request: Request) -> Form:
        form = self.needs.programme().forms.get(request.path_params["form"])
        if form is None:
            raise HTTPException(404)
        return form


class _Field(NamedTuple):
    """A field as the page shows it."""

    name: str
    label: str
    kind: str
    input: str
    values: Sequence[str]
    given: Sequence[str]
    required: bool
    problem: str


def _form_page(
    programme: Programme,
    form: Form,
    typed: Sequence[tuple[str, str]],
    problems: Sequence[Problem],
    status: int,
) -> Response:
    wrong = {problem.field: problem.says for problem in problems}
    given: dict[str, list[str]] = {}
    for name, text in typed:
        given.setdefault(name, []).append(text)
    email = _Field(
        EMAIL, "E-mail address", "email", "email", (), given.get(EMAIL, []), True, wrong.get(EMAIL, "")
    )
    others = [
        _field(name, programme.attributes[attribute], given.get(name, []), wrong.get(name, ""))
        for name, attribute in form.fields.items()
    ]
    return page(
        "form",
        programme,
        _words(form.name),
        status=status,
        fields=[email, *others],
        problems=bool(problems),
        consent=form.consent,
        consented=any(given.get(CONSENT, [])),
        honeypot="" if HONEYPOT in form.fields else HONEYPOT,
    )


def _field(name: str, attribute: Attribute, given: Sequence[str], problem: str) -> _Field:
    input = "date" if attribute.type == "date" else "text"
    return _Field(name, _words(name), attribute.type, input, attribute.values, given, False, problem)


def _words(name: str) -> str:
    """`first_name` as a person reads it."""
    return name.replace("_", " ").replace("-", " ").capitalize()
