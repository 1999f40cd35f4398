"""The one way in which the local stack reports what went wrong."""


class Problem(Exception):
    """Something that the user has to know or do, said in one line. Shown without a traceback."""


class Interrupted(BaseException):
    """Ctrl-C or a request to terminate arrived: stop everything in order."""
