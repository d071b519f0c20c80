"""Sliders for the weights of a style transfer, which act on the very next iteration.

sliders = WeightSliders()
display(sliders)
for step in style_transfer(content, style, model, weights=sliders):
    ...
"""

from collections.abc import Callable, Iterable
from math import log10

import ipywidgets as widgets

from helpers.losses import Weights
from helpers.studio.front_end import reachable_while_busy

TERMS = ("content", "style", "tv")
RATE = "learning rate"
TIPS = {
    "content": "How much the photograph's shapes count",
    "style": "How much the painting's colours and strokes count",
    "tv": "Total variation: how much smoothness counts",
    "layer": "How much this layer counts in the style: early ones hold colours and fine strokes, deep ones shapes",
    RATE: "Learning rate: how far the pixels move in an iteration",
}


class WeightSliders(widgets.VBox):
    """Sliders for the weights of a style transfer: content, style, tv and one for each style layer.

    Pass it to `style_transfer` as `weights`: it is a function iteration -> Weights. A weight's leftmost position
    is exactly 0; the others are equal factors apart, ten positions for a factor of 10. Values set by `move` hold
    exactly, even between two positions, until the user moves that slider.

    weights: the initial values, and the layers that get a slider; None means Weights().
    learning_rate: the initial value of a slider for it; None means no such slider. `rate` is a function iteration ->
        learning rate, for `style_transfer`.
    `by_name` has the slider of each.
    """

    def __init__(self, weights: Weights | None = None, learning_rate: float | None = None):
        weights = weights or Weights()
        self.by_name: dict[str, widgets.SelectionSlider] = {}
        self._values: dict[str, float] = {}
        self._callbacks: list[Callable[[str], None]] = []
        for name in TERMS:
            self._add(name, getattr(weights, name))
        for name, weight in weights.layers.items():
            self._add_layer(name, weight, weights)
        if learning_rate is not None:
            self._add(RATE, learning_rate, zero=False)
        self._layers = tuple(weights.layers)
        super().__init__(list(self.by_name.values()))
        reachable_while_busy(self)

    @property
    def weights(self) -> Weights:
        """The weights at present."""
        terms = {name: self._values[name] for name in TERMS}
        return Weights(**terms, layers={name: self._values[name] for name in self._layers})

    @property
    def learning_rate(self) -> float | None:
        """The learning rate at present, or None if there is no slider for it."""
        return self._values.get(RATE)

    def __call__(self, iteration: int) -> Weights:
        return self.weights

    def rate(self, iteration: int) -> float:
        """The learning rate now; pass it to `style_transfer` as `learning_rate`."""
        return self.learning_rate

    def move(self, weights: Weights, learning_rate: float | None = None) -> None:
        """Sets exactly these values, and moves the sliders to the nearest positions.

        Afterwards there is one slider for each layer in `weights.layers`.
        """
        for name, weight in weights.layers.items():
            if name not in self.by_name:
                self._add_layer(name, weight, weights)
        self._layers = tuple(weights.layers)
        values = {name: getattr(weights, name) for name in TERMS} | dict(weights.layers)
        if learning_rate is not None:
            values[RATE] = learning_rate
        for name, value in values.items():
            self._values[name] = value
            self.by_name[name].value = self._nearest(name, value)
        names = [name for name in self.by_name if name in (*TERMS, *self._layers)]
        names += [RATE] if RATE in self.by_name else []
        if [self.by_name[name] for name in names] != list(self.children):
            self.children = [self.by_name[name] for name in names]

    def on_change(self, callback: Callable[[str], None]) -> None:
        """Calls callback(name) whenever a slider has moved, by hand or by `move`."""
        self._callbacks.append(callback)

    def _add_layer(self, name: str, weight: float, weights: Weights) -> None:
        # It can take the value of every other layer, because the report's schedule exchanges the layers' weights.
        self._add(name, weight, tip="layer", others=weights.layers.values())

    def _add(self, name: str, value: float, tip: str | None = None, **options: object) -> None:
        slider = log_slider(name, value, TIPS[tip or name], **options)
        slider.add_class(f"slider-{'style' if tip == 'layer' else name.replace(' ', '-')}")
        reachable_while_busy(slider)
        self.by_name[name], self._values[name] = slider, value
        slider.observe(lambda change: self._moved(name, change["new"]), "value")

    def _moved(self, name: str, position: float) -> None:
        if position != self._nearest(name, self._values[name]):
            self._values[name] = position
        for callback in self._callbacks:
            callback(name)

    def _nearest(self, name: str, value: float) -> float:
        return min((position for _, position in self.by_name[name].options), key=lambda near: abs(near - value))

    def __repr__(self) -> str:
        return f"WeightSliders({', '.join(self.by_name)})"


def log_slider(
    name: str, value: float, tip: str, others: Iterable[float] = (), zero: bool = True
) -> widgets.SelectionSlider:
    """A slider over a factor of 10,000 around a value, ten positions for a factor of 10, with 0 at its left end.

    others: further values that it must be able to take. zero: whether there is a 0.
    """
    middle = round(10 * log10(value)) if value else 0
    positions = {float(f"{10 ** (k / 10):.2g}") for k in range(middle - 20, middle + 21)}
    positions |= {value, *others, *([0.0] if zero else [])}
    return widgets.SelectionSlider(
        options=[(f"{position:.4g}", position) for position in sorted(positions)],
        value=value,
        description=name,
        tooltip=tip,
        style={"description_width": "6.5em"},
        layout=widgets.Layout(width="auto"),
    )
