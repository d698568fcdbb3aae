"""Small random rankers, and the real text and ranker beside the project where they are there."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from relevance_neurons.rankers.architectures import find_architecture
from relevance_neurons.rankers.reranker import Reranker

# The same examples in every run, however busy the machine.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")

SHARED = Path(__file__).resolve().parents[2] / "shared"
WORDS = (
    "the of wing lift flow heat cell blood water energy neural rank query passage relevance token "
    "layer score search index term weight model test page web user click time space"
).split()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
PAIRS = [
    ("wing lift", "the wing has lift in the flow of air"),
    ("heat", "heat flow"),
    ("neural rank model", "the score of a passage is the relevance of the page to the query term"),
    ("blood cell", "water of the cell energy heat time space user click web page test index"),
]


def make_tokenizer(more_words: Sequence[str] = ()) -> PreTrainedTokenizerFast:
    words = [*SPECIAL, *WORDS, *more_words]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=64,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def make_model(n_logits: int = 2, layers: int = 3, seed: int = 0) -> BertForSequenceClassification:
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(SPECIAL) + len(WORDS),
        hidden_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=64,
        num_labels=n_logits,
        initializer_range=0.4,  # large enough for softmax, GELU and F to bend along the path
        pad_token_id=0,
    )
    return BertForSequenceClassification(config).eval()


def make_reranker(n_logits: int = 2, dtype: str = "float64", layers: int = 3) -> Reranker:
    model = make_model(n_logits, layers).to(getattr(torch, dtype))
    return Reranker(model, make_tokenizer(), find_architecture(model), max_length=48, dtype=dtype)


def pytest_addoption(parser) -> None:
    parser.addoption(
        "--slurm",
        action="store_true",
        help="set up a throw-away Slurm for tests/slurm (root on Debian: installs packages)",
    )


def pytest_collection_modifyitems(items) -> None:
    """The longest files first, so that two processes (-n 2) end at about the same time."""
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
