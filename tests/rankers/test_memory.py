"""What happens where memory runs out: halved passes, the same scores, or one clear line."""

import numpy as np
import pytest
import torch

from relevance_neurons import UserError
from relevance_neurons.attribution import pair_scores, pair_sums
from relevance_neurons.attribution.pair_scores import Settings, score_pairs
from relevance_neurons.rankers.memory import BATCH_TOKENS, CPU_BYTES, Memory, is_out_of_memory
from toys.bert import PAIRS, make_reranker


def scores_of(reranker, memory, **settings) -> np.ndarray:
    found = np.empty((len(PAIRS), len(reranker.neurons)))
    for check, scores in score_pairs(reranker, PAIRS, Settings(**settings), memory):
        found[check.pair] = scores
    return found


def limited(most_rows: int, trace, failures: list[int]):
    """``trace``, on a machine whose memory holds ``most_rows`` rows."""

    def run(reranker, tracer, starts, *others):
        if len(starts) > most_rows:
            failures.append(len(starts))
            raise torch.OutOfMemoryError("CUDA out of memory")
        return trace(reranker, tracer, starts, *others)

    return run


@pytest.mark.parametrize("quadrature", ["adaptive", "trapezoid", "simpson"])
@pytest.mark.parametrize("most_rows", [1, 3])
def test_passes_are_halved_and_nothing_is_lost(monkeypatch, caplog, quadrature, most_rows):
    reranker = make_reranker(2)
    settings = {"quadrature": quadrature, "n_points": 11}
    whole = scores_of(reranker, Memory(4096), **settings)
    failures: list[int] = []
    monkeypatch.setattr(pair_scores, "trace", limited(most_rows, pair_scores.trace, failures))
    memory = Memory(4096)
    np.testing.assert_allclose(
        scores_of(reranker, memory, **settings), whole, rtol=1e-9, atol=1e-14
    )
    assert failures and memory.batch_tokens < 4096
    assert f"going on with passes of {memory.batch_tokens} tokens" in caplog.text
    assert failures[-1] < failures[0]


def test_one_row_too_many_is_told(monkeypatch):
    monkeypatch.setattr(pair_scores, "trace", limited(0, pair_scores.trace, []))
    with pytest.raises(UserError, match=r"out of memory with a single pair; lower .*max_length"):
        scores_of(make_reranker(2), Memory(4096))


def test_other_errors_are_not_taken_for_it(monkeypatch):
    def broken(*_):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(pair_scores, "trace", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        scores_of(make_reranker(2), Memory(4096))


def test_what_counts_as_out_of_memory():
    told = "[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"
    cublas = "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
    errors = [RuntimeError(one) for one in (told, cublas, "CUDA error: out of memory")]
    for error in (MemoryError(), torch.OutOfMemoryError("CUDA"), *errors):
        assert is_out_of_memory(error)
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_real_allocation_failure_is_recognised():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize("quadrature", ["adaptive", "trapezoid", "simpson"])
@pytest.mark.parametrize("batch_tokens", [1, 60, 4096])
def test_rows_that_are_not_kept_are_evaluated_again(monkeypatch, quadrature, batch_tokens):
    reranker = make_reranker(2)
    settings = {"quadrature": quadrature, "n_points": 11, "tolerance": 0.002}
    whole = scores_of(reranker, Memory(4096), **settings)
    evaluated = []
    trace = pair_scores.trace
    count = lambda *rest: evaluated.append(len(rest[2])) or trace(*rest)  # noqa: E731
    monkeypatch.setattr(pair_scores, "trace", count)
    sparing = scores_of(reranker, Memory(batch_tokens, kept_bytes=0), **settings)
    np.testing.assert_allclose(sparing, whole, rtol=1e-9, atol=1e-14)
    first = sum(evaluated)
    points = sum(c.n_points for c, _ in score_pairs(reranker, PAIRS, Settings(**settings)))
    again = first - points
    assert (again > 0) == (quadrature == "adaptive")


def test_a_lack_of_memory_beside_the_pass_splits_the_group(monkeypatch):
    """Two pairs at once are too many for what is kept, one is not."""
    reranker = make_reranker(2)
    whole = scores_of(reranker, Memory(4096))
    keep = pair_sums.rows_at

    def limited(points, places):
        if len(sizes[-1].pairs) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return keep(points, places)

    sizes = []
    start = pair_scores._Group.__init__
    monkeypatch.setattr(
        pair_scores._Group, "__init__", lambda self, *rest: sizes.append(self) or start(self, *rest)
    )
    monkeypatch.setattr(pair_sums, "rows_at", limited)
    np.testing.assert_allclose(scores_of(reranker, Memory(4096)), whole, rtol=1e-9, atol=1e-14)
    assert len(sizes[0].pairs) > 1 and len(sizes[-1].pairs) == 1


def test_limits_on_a_cpu_depend_on_the_ranker_alone():
    reranker = make_reranker(2)
    assert reranker.memory().batch_tokens == BATCH_TOKENS
    reranker.neurons = range(221_184)  # monobert-large
    assert 512 <= reranker.memory().batch_tokens < 1024
    reranker.batch_tokens = 100
    assert reranker.memory().batch_tokens == 100
    assert reranker.memory().kept_bytes < CPU_BYTES / 5


def test_scoring_is_halved_too(monkeypatch):
    reranker = make_reranker(2)
    whole = reranker.score(PAIRS)
    forward = type(reranker.model).forward

    def limited(self, input_ids, **rest):
        if len(input_ids) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, input_ids, **rest)

    monkeypatch.setattr(type(reranker.model), "forward", limited)
    torch.testing.assert_close(reranker.score(PAIRS), whole)
