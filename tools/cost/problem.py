"""What keeps the costs from being computed."""


class Problem(Exception):
    """Something that a figure needs is missing or of another form; the message says what, and where."""
