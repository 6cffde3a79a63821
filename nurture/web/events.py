"""`POST /events`: what the company's own product and site tell us; `GET /openapi.json` says how.

Whoever tells shows a token of secrets.toml [events]. Everything good in a batch is committed before the
answer, which says what became of each event. docs/site.md.
"""

import hmac
from collections.abc import Mapping
from functools import partial
from hashlib import sha256

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nurture import clock
from nurture.engine import happening
from nurture.intake.events import LARGEST_BATCH, Answer, Batch, Known, Unfit, read_batch
from nurture.intake.openapi import openapi
from nurture.web import asking
from nurture.web.limits import Limit
from nurture.web.needs import Needs

BATCHES_A_MINUTE = 600
STRANGERS_A_MINUTE = 30
"""Requests with a wrong token from one network, before even the right one is asked to wait."""


class Events:
    """The endpoints of events."""

    def __init__(self, needs: Needs) -> None:
        self.needs = needs
        self.batches = Limit(BATCHES_A_MINUTE)
        self.strangers = Limit(STRANGERS_A_MINUTE)
        self._tokens = {name: _digest(token) for name, token in needs.events.items()}

    async def take(self, request: Request) -> Response:
        """POST /events: 200 once what is good is committed; 422 where nothing is."""
        needs, now = self.needs, clock.now()
        network = asking.network(request, needs.trusted_proxies)
        sender = _whose(request.headers.get("authorization", ""), self._tokens)
        if sender is None:
            status = 401 if self.strangers.takes(network, now) else 429
            raise HTTPException(status, headers={"WWW-Authenticate": "Bearer"})
        if not self.batches.takes(sender, now):
            raise HTTPException(429)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return _said("The body must be application/json.", 415)
        programme = needs.programme()
        known = Known(programme.attributes, tuple(programme.pieces))
        batch = read_batch(await asking.body(request, LARGEST_BATCH), known, now)
        if isinstance(batch, Unfit):
            return _said(batch.why, 413 if batch.too_large else 400)
        ground = happening.Ground(f"events:{sender}", now, programme.hash, needs.suppression_key)
        answer = await self._keep(batch, ground)
        is_bad = answer.refused and not answer.taken and not answer.known
        return JSONResponse(answer.model_dump(), 422 if is_bad else 200)

    async def describe(self, request: Request) -> Response:
        """GET /openapi.json."""
        return JSONResponse(openapi(self.needs.public))

    async def _keep(self, batch: Batch, ground: happening.Ground) -> Answer:
        answer = Answer(taken=[], known=[], refused=list(batch.refused))
        for start in range(0, len(batch.heard), happening.AT_A_TIME):
            some = batch.heard[start : start + happening.AT_A_TIME]
            done = await self.needs.store.write(partial(happening.take, heard=some, ground=ground))
            answer.taken += done.taken
            answer.known += done.known
            answer.refused += done.refused
        answer.refused.sort(key=lambda one: one.index)
        return answer


def _whose(authorization: str, tokens: Mapping[str, bytes]) -> str | None:
    """Whose token it is. Every token is compared in full, whatever comes."""
    scheme, _, token = authorization.partition(" ")
    shown = _digest(token.strip())
    owners = [name for name, digest in tokens.items() if hmac.compare_digest(digest, shown)]
    return owners[0] if owners and scheme.lower() == "bearer" else None


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()


def _said(why: str, status: int) -> Response:
    return JSONResponse({"why": why}, status)
