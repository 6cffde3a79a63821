"""Forms as providers send them: fields and files as bytes, in order, however they are written."""

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from nurture.intake.webhooks.seam import Refused, Request
from nurture.intake.webhooks.strict import clean

MULTIPART = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"
MOST_FIELDS = 500


class Field(NamedTuple):
    """One field. `filename`: None for a field that is no file. `type`: as it is sent, of files alone."""

    name: str
    value: bytes
    filename: str | None = None
    type: str = ""


class Form(tuple[Field, ...]):
    """All fields of a form, in order. A name may stand several times."""

    __slots__ = ()

    def all(self, name: str) -> list[str]:
        """What the fields of a name say."""
        return [clean(one.value.decode("utf-8", "replace")) for one in self if one.name == name]

    def first(self, name: str) -> str:
        """What the first field of a name says; empty where there is none."""
        return next(iter(self.all(name)), "")

    def last(self, name: str) -> str:
        """What the last field of a name says; empty where there is none."""
        return next(reversed(self.all(name)), "")

    def raw(self, name: str) -> bytes:
        """The first field of a name, whole."""
        return next((one.value for one in self if one.name == name), b"")

    def files(self) -> Iterator[Field]:
        """Its files."""
        return (one for one in self if one.filename is not None)


def form_of(request: Request) -> Form | Refused:
    """The form in a request's body. Refused where there is none, or it has too many fields."""
    if request.content_type == MULTIPART:
        return _multipart(request.body, request.headers["content-type"])
    pairs = request.body.split(b"&", MOST_FIELDS) if request.body else []
    if len(pairs) > MOST_FIELDS:
        return Refused(400, "too many fields")
    halves = (pair.replace(b"+", b" ").partition(b"=") for pair in pairs if pair)
    return Form(Field(_name(unquote_to_bytes(name)), unquote_to_bytes(value)) for name, _, value in halves)


class _Parts:
    """Collects the parts that the parser finds."""

    def __init__(self) -> None:
        self.fields: list[Field] = []
        self._headers: dict[str, bytes] = {}
        self._name, self._value, self._data = b"", b"", bytearray()

    def begin(self) -> None:
        if len(self.fields) >= MOST_FIELDS:
            raise FormParserError("too many fields")
        self._headers, self._data = {}, bytearray()

    def header_begin(self) -> None:
        self._name = self._value = b""

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value

    def data(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def end(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition"))
        filename = options.get(b"filename")
        self.fields.append(
            Field(
                _name(options.get(b"name", b"")),
                bytes(self._data),
                None if filename is None else _name(filename),
                _name(self._headers.get("content-type", b"")),
            )
        )


def _multipart(body: bytes, content_type: str) -> Form | Refused:
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not 0 < len(boundary) <= 200:
        return Refused(400, "a multipart body without a boundary")
    parts = _Parts()
    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": parts.begin,
            "on_header_begin": parts.header_begin,
            "on_header_field": parts.header_field,
            "on_header_value": parts.header_value,
            "on_header_end": parts.header_end,
            "on_part_data": parts.data,
            "on_part_end": parts.end,
        },
    )
    try:
        parser.write(body)
        parser.finalize()
    except FormParserError as wrong:
        return Refused(400, f"no form that can be read: {clean(str(wrong), 120)}")
    return Form(parts.fields)


def _name(raw: bytes) -> str:
    return clean(raw.decode("utf-8", "replace"), 300)
