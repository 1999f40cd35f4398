"""What keeps a command from going on."""


class Problem(Exception):
    """Something that the user has to know or do, said in one line. Shown without a traceback."""
