"""The exception that a user of a study file sees."""


class StudyError(Exception):
    """A mistake in a study file; its message is one line that names file and key."""
