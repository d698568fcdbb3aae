"""Fixtures: small random rankers, and the real text and ranker beside the project if they are."""

from pathlib import Path

import pytest
import torch
from hypothesis import settings

from relevance_neurons.rankers.reranker import Reranker
from toys.bert import make_model, make_reranker, make_tokenizer

# The same examples in every run, however busy the machine.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_addoption(parser) -> None:
    parser.addoption(
        "--slurm",
        action="store_true",
        help="set up a throw-away Slurm for tests/slurm (root on Debian: installs packages)",
    )


def pytest_collection_modifyitems(items) -> None:
    """The longest files first, so that the processes (-n 3) end at about the same time."""
    order = {"slurm": 0, "workflow": 1}
    items.sort(key=lambda item: order.get(item.path.parent.name, 2))


@pytest.fixture(autouse=True)
def _subnormal_numbers():
    """Loading a ranker flushes subnormal numbers to zero; hypothesis wants them back."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(params=[1, 2], ids=["one logit", "two logits"])
def reranker(request) -> Reranker:
    return make_reranker(request.param)


@pytest.fixture
def two_logits() -> Reranker:
    return make_reranker(2)


@pytest.fixture
def ranker_folder(tmp_path) -> Path:
    folder = tmp_path / "ranker"
    make_model().save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the real collections and ranker (../shared) are not here")
    return SHARED
