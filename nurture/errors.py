"""Whose fault it was: a person's mistake is one clear sentence, everything else is a bug."""


class Mistake(Exception):
    """Something a person can put right. Its text is a sentence that says what to do; exit code 1."""
