"""The one exception that means: the user can mend this."""


class UserError(Exception):
    """A mistake in what the user gave (a file, a key, an argument).

    The message is one line: where it is (file, key or line), what was found, what is allowed.
    Workflow scripts print it without a traceback and exit with code 1.
    """

    def _render_traceback_(self) -> list[str]:
        """What IPython and notebooks show: the line, not the way to it."""
        return [f"{type(self).__name__}: {self}"]
