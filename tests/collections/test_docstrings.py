"""Docstrings as text: cleaning by hand, real packages, collections without leaks."""

import inspect
import re
import textwrap
import threading

import polars as pl
import pytest

from relevance_neurons.collections.docstring_text import split_docstring
from relevance_neurons.collections.docstrings import (
    PARTS,
    docstring_collection,
    docstring_passages,
)
from relevance_neurons.errors import UserError

NUMPYDOC = """
    clip(a, limits, out=None)

    Limit the values in an `~numpy.ndarray`, as :func:`numpy.clip` does [1]_.

    Given an *interval*, values outside of it are **moved** to its edges; see
    ``numpy.clip`` for what happens to `NaN`. The norm is :math:`x^2` here.
    That means::

        x = clip(x, 0, 1)   # a line of code

    .. versionadded:: 1.7
        This sentence must not come up anywhere in the text.

    .. note:: No check is made that the lower edge is below
       the upper one.

    Parameters
    ----------
    a : array_like
        This sentence describes a parameter and is not kept.

    Notes
    -----
    - The first item of a list of remarks ends with a dot.
    - an item without one is a fragment

    >>> clip(3, (0, 1))
    This output of an example is not kept either.

    See Also
    --------
    other : This function is something else entirely.
    """

GOOGLE = """Send a message to the `server <https://example.org>`_ and wait.

    The call blocks until an answer has come, e.g. for ten seconds or more if the
    network is slow (or "down.") See [the guide](https://example.org/x) for how to avoid that.

    Args:
        message (str): This describes an argument and is not kept.

            Nor is this second paragraph of its description.

    Returns:
        The answer of the server as a string of characters.

    ```python
    answer = send("This code in a fence is not kept at all.")
    ```

    Note:
        Messages are sent again when no answer has come after a minute.

    :param other: This field is not kept.
    """


def test_numpydoc():
    assert split_docstring(NUMPYDOC) == (
        "Limit the values in an ndarray, as numpy.clip does.",
        "Given an interval, values outside of it are moved to its edges; see numpy.clip for what "
        "happens to NaN. No check is made that the lower edge is below the upper one. The first "
        "item of a list of remarks ends with a dot.",
    )


def test_google_style_and_markdown():
    assert split_docstring(GOOGLE) == (
        "Send a message to the server and wait.",
        "The call blocks until an answer has come, e.g. for ten seconds or more if the network is "
        'slow (or "down.") See the guide for how to avoid that. Messages are sent again when no '
        "answer has come after a minute.",
    )


def test_passages_are_capped_at_the_end_of_a_sentence():
    sentence = "This is a sentence of eight plain words."
    docstring = "Do something useful.\n\n" + " ".join([sentence] * 9)
    query, passage = split_docstring(docstring, max_words=30)
    assert query == "Do something useful."
    assert passage == " ".join([sentence] * 3)
    long = "Do something useful.\n\n" + "word " * 40 + "end."
    assert len(split_docstring(long, max_words=30)[1].split()) == 30


@pytest.mark.parametrize(
    "docstring",
    [
        "Two words.\n\n" + "The rest is long enough to be a passage of its own. " * 3,
        "word " * 26 + ".\n\n" + "The rest is long enough to be a passage of its own. " * 3,
        "A query without a passage.",
        "A query with a short one.\n\nThese are only a few words.",
        "x = f(y) + 3 * z ** 2\n\n" + "The rest is long enough to be a passage of its own. " * 3,
        "size (int, optional): The size of it.\n\n" + "The rest is long enough to be one. " * 3,
        "",
    ],
)
def test_what_is_no_query_or_no_passage_is_refused(docstring):
    assert split_docstring(docstring) is None


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that must not be imported: doing so fails."""
    folder = tmp_path / "boxes"
    (folder / "tests").mkdir(parents=True)
    text = (
        '"""Open the box of {0}.\n\n{0} boxes open from above, unless they have a lid that '
        'is locked or stuck."""'
    )
    body = textwrap.indent
    files = {
        "__init__.py": f"raise ImportError\ndef first():\n{body(text.format('Green'), '    ')}",
        "_inner.py": f"class Box:\n    def open(self):\n{body(text.format('Red'), ' ' * 8)}\n"
        f"    def _hidden(self):\n{body(text.format('Blue'), ' ' * 8)}\n",
        "copy.py": f"def again():\n{body(text.format('Green'), '    ')}",
        "tests/test_box.py": f"def test():\n{body(text.format('Black'), '    ')}",
        "template.py": "def {name}(): pass",
    }
    for name, source in files.items():
        (folder / name).write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    return "boxes"


def test_reads_a_package_without_importing_it(package):
    assert docstring_passages(package).select("doc_id", "query").rows() == [
        ("boxes._inner.Box.open", "Open the box of Red."),
        ("boxes.copy.again", "Open the box of Green."),
    ]


def test_real_docstrings_are_those_python_itself_gives():
    """Query and passage of each public thing occur in what inspect reads from the live module."""
    own = docstring_passages("threading")
    assert len(own) >= 25
    for doc_id, query, text in own.iter_rows():
        thing = threading
        for name in doc_id.split(".")[1:]:
            thing = getattr(thing, name)
        docstring = " ".join(inspect.getdoc(thing).split())
        assert docstring.startswith(query)
        assert text.split(". ")[0] in docstring


@pytest.fixture(scope="module")
def numpy_passages():
    return docstring_passages("numpy")


def test_real_passages_read_as_text(numpy_passages):
    assert len(numpy_passages) > 350
    assert numpy_passages["doc_id"].is_sorted()
    joined = numpy_passages.select(pl.concat_str("query", "text", separator=" ")).to_series()
    for markup in (">>>", "``", ":func:", ":math:", "----", ":: ", " .. ", "[1]_", "://", "\n"):
        assert not joined.str.contains(markup, literal=True).any(), markup
    n_words = numpy_passages.select(pl.col("query", "text").str.split(" ").list.len())
    assert n_words["query"].is_between(3, 25).all()
    assert n_words["text"].is_between(15, 60).all()
    assert numpy_passages["text"].str.contains(r"[.!?][\"')]*$").mean() > 0.95
    assert numpy_passages["query"].str.to_lowercase().is_unique().all()


def test_parts_share_no_query_even_across_packages():
    queries = {
        (package, part): set(
            docstring_collection(package, part)[1]["text"].str.to_lowercase().str.strip_chars(".")
        )
        for package in ("tkinter", "email")
        for part in PARTS
    }
    for one in PARTS:
        for other in PARTS:
            if one != other:
                assert not queries["tkinter", one] & queries["tkinter", other]
                assert not queries["tkinter", one] & queries["email", other]
    sizes = [len(queries["tkinter", part]) for part in PARTS]
    assert sum(sizes) == len(docstring_passages("tkinter"))
    assert sizes == pytest.approx([sum(sizes) * share for share in (0.6, 0.2, 0.2)], abs=15)


def test_a_collection_has_both_labels_and_is_the_same_each_time():
    documents, queries, qrels = docstring_collection("logging", "all", 40, 3, seed=1)
    assert documents.equals(docstring_passages("logging").select("doc_id", "text"))
    assert len(queries) == 40
    texts = dict(documents.iter_rows())
    own = qrels.filter(grade=1)
    assert (own["query_id"] == own["doc_id"]).all() and len(own) == 40
    others = qrels.filter(grade=0)
    assert len(others) >= 110 and others.group_by("query_id").len()["len"].max() == 3
    for query_id, doc_id in others.select("query_id", "doc_id").iter_rows():
        words = [set(re.findall("[a-z0-9]+", texts[i].lower())) for i in (query_id, doc_id)]
        assert query_id != doc_id
        assert len(words[0] & words[1]) <= 0.5 * len(words[0] | words[1])
    again = docstring_collection("logging", "all", 40, 3, seed=1)
    assert queries.equals(again[1]) and qrels.equals(again[2])
    other_seed = docstring_collection("logging", "all", 40, 3, seed=2)
    assert set(queries["query_id"]) != set(other_seed[1]["query_id"])


def test_several_packages_are_one_collection():
    """Their passages, each once; negatives come from all of them."""
    together, parts = docstring_passages(["logging", "json"]), ("logging", "json")
    assert together["doc_id"].is_sorted()
    assert set(together["doc_id"]) <= {
        doc_id for part in parts for doc_id in docstring_passages(part)["doc_id"]
    }
    assert {doc_id.split(".")[0] for doc_id in together["doc_id"]} == set(parts)
    assert together.equals(docstring_passages(["json", "logging"]))
    assert docstring_passages(["json"]).equals(docstring_passages("json"))
    documents, asked, qrels = docstring_collection(["json", "logging"], "all", negatives=9)
    assert len(asked) == len(documents) == len(together)
    of_json = qrels.filter(pl.col("query_id").str.starts_with("json."), grade=0)["doc_id"]
    assert of_json.str.starts_with("logging.").any()


def test_mistakes_of_the_user():
    with pytest.raises(UserError, match="package no_such_package: not installed here"):
        docstring_passages(["json", "no_such_package"])
    with pytest.raises(UserError, match="package no_such_package: not installed here"):
        docstring_passages("no_such_package")
    with pytest.raises(UserError, match=r"package no_such\.package: not installed here"):
        docstring_passages("no_such.package")
    with pytest.raises(
        UserError, match="'test' was found; allowed: training, attribution, ablation, all"
    ):
        docstring_collection("json", "test")
    with pytest.raises(UserError, match="package json: too small, no query falls into part"):
        for part in PARTS:
            docstring_collection("json", part)
    with pytest.raises(UserError, match="package keyword: no docstring of it"):
        docstring_passages("keyword")
