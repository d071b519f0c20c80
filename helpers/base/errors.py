"""The one kind of error that is meant for the learner."""


class TeachingError(ValueError):
    """Says what the code got, what it expected and what to do next; the command line shows it as one paragraph."""
