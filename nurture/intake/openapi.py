"""What `/openapi.json` says of `POST /events`."""

from typing import Any

from nurture.intake.events import LARGEST_BATCH, MOST_EVENTS, Answer, Event, Refusal


def openapi(public: str) -> dict[str, Any]:
    """OpenAPI 3.1 of `POST /events`, made of the shapes above. `public`: where the world reaches us."""
    shapes = {shape.__name__: shape for shape in (Event, Refusal, Answer)}
    template = "#/components/schemas/{model}"
    schemas = {name: shape.model_json_schema(ref_template=template) for name, shape in shapes.items()}
    for schema in schemas.values():
        schema.pop("$defs", None)
    events = {
        "type": "array",
        "maxItems": MOST_EVENTS,
        "items": {"$ref": "#/components/schemas/Event"},
    }
    body = {"oneOf": [events, {"type": "object", "required": ["events"], "properties": {"events": events}}]}
    answer = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}}
    responses = {
        "200": {"description": "Some or all were taken, now or before, and none of them can be lost."}
        | answer,
        "422": {"description": "None was taken: each is refused for a reason of its own."} | answer,
        "400": {"description": "The body is no batch of events."},
        "401": {"description": "The token is not one of ours."},
        "413": {"description": f"More than {MOST_EVENTS:,} events, or than {LARGEST_BATCH:,} bytes."},
        "415": {"description": "The body is not application/json."},
        "429": {"description": "Too many requests; come back after Retry-After seconds."},
        "503": {"description": "The store cannot take them now: send the same batch again."},
    }
    operation = {
        "operationId": "postEvents",
        "summary": "Tell what happened to people, up to 1,000 events at a time",
        "security": [{"token": []}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": responses,
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "nurture: events", "version": "1"},
        "servers": [{"url": public}],
        "paths": {"/events": {"post": operation}},
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
