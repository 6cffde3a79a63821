"""The public pages of nurture, as one ASGI app."""

from nurture.web.app import create_app
from nurture.web.needs import Destination, Needs

__all__ = ["Destination", "Needs", "create_app"]
