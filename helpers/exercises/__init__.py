"""The checks of the exercises: `check.gram_matrix(gram_matrix)` says whether a learner's answer is right, or why not.

Each lesson's are in a file of their own. A check knows the typical mistakes: it makes them itself, and if the answer
agrees with one, it gives the hint for it. All inputs are small and fixed, so that a check says the same everywhere.
"""

from helpers.exercises.further import Further
from helpers.exercises.layers import Layers
from helpers.exercises.losses import Losses
from helpers.exercises.optimizer import Optimizer
from helpers.exercises.results import Results
from helpers.exercises.utilities import Utilities


class check(Utilities, Layers, Losses, Optimizer, Results, Further):
    """One check for each exercise, under its name; each takes the answer and prints a verdict.

    The verdict is "not tried yet" while the answer is still `...`; "not yet: " with what the check got, what it
    expected and a hint; or "right: " with what the answer has shown.
    """
