"""What sales gets: the packet and when the answer is due."""

from nurture.handoffs.packet import due, packet

__all__ = ["due", "packet"]
