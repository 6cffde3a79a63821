"""The programme, and what this database knows of itself."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from nurture.store.tables.rows import Row, json


class ProgrammeText(Row, table=True):
    """The canonical text of all authored files, under its content hash."""

    __tablename__ = "programmes"

    hash: str = Field(primary_key=True)
    files: dict[str, Any] = json(default_factory=dict)
    stored_at: datetime


class Activation(Row, table=True):
    """Which programme became active when."""

    __tablename__ = "activations"

    id: int | None = Field(default=None, primary_key=True)
    programme: str = Field(foreign_key="programmes.hash")
    at: datetime


class Active(Row, table=True):
    """One row: what a wake reads."""

    __tablename__ = "active"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    programme: str = Field(foreign_key="programmes.hash")
    serial: int = 0
    readings: dict[str, Any] = json(default_factory=dict)


class AlertRow(Row, table=True):
    """Something a person was, or is to be, told of: once, again while it lasts, and when it is over."""

    __tablename__ = "alerts"

    kind: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    words: str
    figure: int = 0
    """How many or how much; a larger one is news."""
    raised_at: datetime
    told_at: datetime | None = None
    cleared_at: datetime | None = None
    """When it was over; the row goes once that is told."""


class Meta(Row, table=True):
    """Small facts about this database: the fingerprint of the suppression key, the last import."""

    __tablename__ = "meta"

    key: str = Field(primary_key=True)
    value: str


PROGRAMMES = Row.metadata.tables["programmes"]
ACTIVATIONS = Row.metadata.tables["activations"]
ACTIVE = Row.metadata.tables["active"]
ALERTS = Row.metadata.tables["alerts"]
META = Row.metadata.tables["meta"]
