"""What F loses as all outputs of a module shrink together to a reference, neuron by neuron.

score_j = ∫ Σ_tokens (y_j − r_j) ∂F/∂y_j dα over r + α (y − r): integrated gradients (Sundararajan
et al. 2017) of F as a function of one module's outputs. Complete for each module: its scores add up
to F(x) less F with the module at its reference. Nothing here is of a path in the input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain

import numpy as np

from relevance_neurons.attribution.adaptive import AdaptiveGrid
from relevance_neurons.attribution.own_modules import OwnModules
from relevance_neurons.attribution.pair_scores import PairCheck, Settings
from relevance_neurons.attribution.quadrature import Element, Grid, assemble
from relevance_neurons.attribution.scaled_modules import Point, Question, ScaledModules
from relevance_neurons.attribution.stock_modules import StockModules, blocks_that_run_again
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.memory import Memory, halving, length_batches
from relevance_neurons.rankers.neurons import Block
from relevance_neurons.rankers.own_encoder import own_encoder
from relevance_neurons.rankers.reranker import Reranker

AT_INPUT = 1.0
"""The point that the paths of all modules of a pair share: one pass gives it for all."""
FIRST_PANELS = 2
"""Of an adaptive grid. Most modules bend F little, and 4 or 8 cost 1.3 and 2.5 times as much where
a tolerance of 0.05 leaves an error of 1.3 % of a pair's scores with 2 and 0.8 % with 4 or 8."""


def scores(
    reranker: Reranker,
    pairs: Sequence[tuple[str, str]],
    *,
    label: str,
    target: str,
    reference_values: np.ndarray | None = None,
    quadrature: str = Settings.quadrature,
    tolerance: float = Settings.tolerance,
    n_points: int = Settings.n_points,
    memory: Memory | None = None,
) -> Iterator[tuple[PairCheck, np.ndarray]]:
    """Yield each pair's check and scores, shape (n_neurons,); longest pairs first.

    F is the ``target`` of ``label``. ``reference_values``, shape (n_neurons,): the neurons' r;
    None: 0. The ``quadrature`` is that of ``attribute``, its ``tolerance`` × the range of F on each
    module's own path. A module is one component of a layer; where that is several linear modules
    (T5's), each of them.

    A pair's check is of the module whose scores miss the most of its change of F: f_baseline is F
    with that module at its reference, cut_sum the sum of its scores. n_points counts the points of
    all modules, the pair itself once; cost_forwards counts a pass by the layers that it runs
    through, there and back.

    Raises ``UserError`` for an unknown name or number, for a score that is no finite number, and
    if one pair alone is too large for the memory.
    """
    settings = Settings(
        label=label, target=target, quadrature=quadrature, tolerance=tolerance, n_points=n_points
    )
    _grid(settings)
    memory = memory or reranker.memory()
    encoded = reranker.encode(pairs)
    if not encoded:
        return
    opened = _opened(Question.of(reranker, label, target, reference_values), encoded)
    blocks = reranker.neurons.blocks

    def run(rows: Sequence[int]) -> list[_Pair]:
        some = [encoded[row] for row in rows]
        return _run(opened(some), blocks, settings, memory, max(map(len, some)))

    lengths = [len(pair) for pair in encoded]
    for group in length_batches(lengths, memory, rows_each=_n_first(settings)):
        for rows, done in halving(group, memory, run):
            for number, pair in zip(rows, done, strict=True):
                yield pair.check(number), pair.scores()


def _grid(settings: Settings) -> Grid:
    """A fresh grid for one module. Raises ``UserError`` for a wrong rule, number or tolerance."""
    if settings.quadrature == "adaptive":
        return AdaptiveGrid(settings.tolerance, first_panels=FIRST_PANELS)
    return settings.grid()


def _n_first(settings: Settings) -> int:
    """How many points of a module are evaluated at once to begin with."""
    return 2 * FIRST_PANELS + 1 if settings.quadrature == "adaptive" else settings.n_points


def _opened(
    question: Question, encoded: Sequence[EncodedPair]
) -> Callable[[Sequence[EncodedPair]], ScaledModules]:
    """From a few pairs to the ranker with them in it.

    It is our own forward pass where that gives the stock model's logits, else the model's.
    """
    reranker = question.reranker
    encoder = own_encoder(reranker, encoded, lambda own, x: own.trace(x, lambda *_: None))
    if encoder is not None:
        return lambda some: OwnModules(question, encoder, some)
    run_again = blocks_that_run_again(reranker, min(encoded, key=len))
    return lambda some: StockModules(question, some, run_again)


class _Path:
    """One module of one pair on its way from the reference to its outputs.

    A rule's matrix weighs ⟨g_k, y_l⟩ with the outputs y_l = r + α_l (y − r) at its points. Its rows
    add up to 0, so that r drops out, and what is needed of a point is Σ_tokens (y − r) g_k.
    """

    def __init__(
        self, grid: Grid, block: Block, pair: int, at_input: tuple[float, np.ndarray]
    ) -> None:
        self.grid, self.block, self.pair = grid, block, pair
        self.values: dict[float, float] = {}
        self._slopes: dict[float, np.ndarray] = {}
        self._at_input = at_input
        self._asked: tuple[float, ...] = ()
        self._elements: list[Element] = []

    def wanted(self, most: int) -> list[Point]:
        """The next points to evaluate, at most ``most``; none once the path is done."""
        while True:
            self._asked = self.grid.wanted(most)
            if self._asked != (AT_INPUT,):
                break
            self.take({})
        return [Point(self.block, self.pair, one) for one in self._asked if one != AT_INPUT]

    def take(self, found: Mapping[float, tuple[float, np.ndarray]]) -> None:
        """Use F and the neurons' slopes at the points asked for."""
        known = {**found, AT_INPUT: self._at_input}
        for point in self._asked:
            self.values[point], self._slopes[point] = known[point]
        values = [self.values[point] for point in self._asked]
        self._elements += self.grid.add(self._asked, values, self._sums(self._asked), self)

    def products(self, points: Sequence[float]) -> np.ndarray:
        """As ``Cut``: the module is one, of whose products ⟨g_k, r⟩ is left out."""
        return np.outer(self._sums(points), points)

    def scores(self) -> np.ndarray:
        """The scores of the module's neurons, shape (size,)."""
        points = sorted(self._slopes)
        weights = assemble(self._elements, points) @ points
        return weights @ np.stack([self._slopes[point] for point in points])

    @property
    def n_passes(self) -> int:
        """Points evaluated for this module alone."""
        return len(self.values) - 1

    def _sums(self, points: Sequence[float]) -> list[float]:
        """dF/dα at points."""
        return [float(self._slopes[point].sum()) for point in points]


class _Pair:
    """The paths of all modules of one pair."""

    def __init__(self, paths: Sequence[_Path], modules: ScaledModules) -> None:
        self.paths, self._cost = paths, modules.cost

    def scores(self) -> np.ndarray:
        """Scores of all neurons, shape (n_neurons,)."""
        return np.concatenate([path.scores() for path in self.paths])

    def check(self, number: int) -> PairCheck:
        """How well the module was integrated whose scores miss the most of its change of F."""
        sums = [float(path.scores().sum()) for path in self.paths]
        changes = [path.values[AT_INPUT] - path.values[0.0] for path in self.paths]
        worst = int(np.argmax(np.abs(np.subtract(sums, changes))))
        grid, values = self.paths[worst].grid, self.paths[worst].values
        return PairCheck(
            number,
            values[AT_INPUT],
            values[0.0],
            sums[worst],
            1 + sum(path.n_passes for path in self.paths),
            grid.error_estimate,
            any(path.grid.is_given_up for path in self.paths),
            cost_forwards=2.0 + sum(path.n_passes * self._cost(path.block) for path in self.paths),
        )


def _run(
    modules: ScaledModules,
    blocks: Sequence[Block],
    settings: Settings,
    memory: Memory,
    n_tokens: int,
) -> list[_Pair]:
    """Evaluate what the paths of a few pairs ask for until every one is done."""
    by_pair = []
    for row, (value, slopes) in enumerate(zip(*modules.at_input(), strict=True)):
        ends = ((block, (value, slopes[block.slice])) for block in blocks)
        by_pair.append([_Path(_grid(settings), block, row, end) for block, end in ends])
    # The points of a module, of whatever pair, lie beside each other in a pass.
    active = list(chain.from_iterable(zip(*by_pair, strict=True)))
    while active:
        active = _advance(modules, active, memory, max(1, memory.batch_tokens // n_tokens))
    return [_Pair(paths, modules) for paths in by_pair]


def _advance(
    modules: ScaledModules, active: Sequence[_Path], memory: Memory, most: int
) -> list[_Path]:
    """One pass of at most ``most`` rows for the first paths; returns those that are not done."""
    asked: dict[_Path, list[Point]] = {}
    left = most
    for path in active:
        if left < 1:
            break
        asked[path] = path.wanted(left)
        left -= len(asked[path])
    points = list(chain.from_iterable(asked.values()))
    found: dict[Point, tuple[float, np.ndarray]] = {}
    for part, (values, slopes) in halving(points, memory, modules.at) if points else ():
        found |= zip(part, zip(values, slopes, strict=True), strict=True)
    for path, some in asked.items():
        if some:
            path.take({point.alpha: found[point] for point in some})
    return [path for path in active if asked.get(path) != []]
