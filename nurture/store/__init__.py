"""The store: rows, one door to write through, and one module per reader.

What other packages use is named here; `tables` may be imported by whoever writes SQL.
"""

from nurture.store.door import Store, Work

__all__ = ["Store", "Work"]
