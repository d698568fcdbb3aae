"""One's own pairs: read from both kinds of files, padded, and faults told by file and line."""

import gzip
import json

import pytest

from relevance_neurons.errors import UserError
from relevance_neurons.mechanism.own_pairs import OwnPair, read_own_pairs
from relevance_neurons.mechanism.token_lengths import TokenLengths
from toys.pair_rankers import ranker_of

HEADER = "query\tterm\tbefore\tafter"
PAIR = ("the Wings flow", "wings", "heat of", "heat of wings")
PADDED = OwnPair(*PAIR[:2], "heat of a a", PAIR[3], frozenset(["wings"]))


@pytest.fixture
def lengths():
    return TokenLengths(ranker_of("WordPiece", max_length=24))


def written(folder, text: str, name: str = "own.tsv"):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_a_table_with_a_header(tmp_path, lengths):
    text = "\n".join([HEADER, "\t".join(PAIR), "", "heat\theat\theat wing\theat"])
    assert read_own_pairs(written(tmp_path, text), lengths) == [
        PADDED,
        OwnPair("heat", "heat", "heat wing", "heat a", frozenset(["heat"])),
    ]


def test_columns_in_another_order_and_others_beside_them(tmp_path, lengths):
    text = "note\tafter\tbefore\tterm\tquery\nmine\t" + "\t".join(PAIR[::-1])
    assert read_own_pairs(written(tmp_path, text), lengths) == [PADDED]


def test_lines_of_json_gzipped(tmp_path, lengths):
    row = dict(zip(HEADER.split(), PAIR, strict=True)) | {"before": "heat\n of ", "note": 1}
    (tmp_path / "own.jsonl.gz").write_bytes(gzip.compress(json.dumps(row).encode()))
    assert read_own_pairs(tmp_path / "own.jsonl.gz", lengths) == [PADDED]


def test_a_term_of_several_words(tmp_path, lengths):
    text = f"{HEADER}\nheat flow cell\tHeat flow\twing a\tHeat flow"
    (found,) = read_own_pairs(written(tmp_path, text), lengths)
    assert found.read == {"heat", "flow"}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("query\tterm\tbefore\nheat\theat\twing", 1, "'after' is missing; needed are query, term"),
        (f"{HEADER}\tterm", 1, "'term' is there twice"),
        (f"{HEADER}\nheat\theat\twing", 2, "3 columns; the header has 4"),
        (f"{HEADER}\n\nheat\t \twing\theat", 3, "term is ' '; a text is needed"),
        (f"{HEADER}\nheat\twing\twing\theat", 2, "the term 'wing' is not among the words of the"),
        (f"{HEADER}\nheat\t?\twing\theat", 2, "the term '?' is not among the words"),
        (f"{HEADER}\nheat\theat\tWing\twing", 2, "before and after are the same to the ranker"),
        (f"{HEADER}\nheat\theat\twing\t{'heat ' * 30}", 2, "34 tokens and the ranker takes 24"),
    ],
)
def test_faults_name_the_line(tmp_path, lengths, text, line, said):
    with pytest.raises(UserError) as error:
        read_own_pairs(written(tmp_path, text), lengths)
    assert str(error.value).startswith(f"{tmp_path / 'own.tsv'}, line {line}: ")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("{", 1, "not JSON"),
        ("[]", 1, "a list; one JSON object a line"),
        ('{"query": "heat"}', 1, "'term' is missing"),
        ('{"query": 1, "term": "a", "before": "a", "after": "a"}', 1, "query is 1; a text"),
    ],
)
def test_faults_of_json_name_the_line(tmp_path, lengths, text, line, said):
    with pytest.raises(UserError) as error:
        read_own_pairs(written(tmp_path, text, "own.jsonl"), lengths)
    assert f"own.jsonl, line {line}: " in str(error.value) and said in str(error.value)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("own.csv", "", r"extension '.csv' is unknown; .tsv"),
        ("own.tsv", "\n", "own.tsv: empty; at least one pair"),
        ("own.tsv", HEADER, "own.tsv: empty; at least one pair"),
    ],
)
def test_files_that_hold_no_pair(tmp_path, lengths, name, text, said):
    with pytest.raises(UserError, match=said.replace("?", ".")):
        read_own_pairs(written(tmp_path, text, name), lengths)
