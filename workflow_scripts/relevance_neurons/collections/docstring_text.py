"""From a docstring to text: its first sentence and its running prose, without markup or tables."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

QUERY_WORDS = (3, 25)
MIN_PASSAGE_WORDS, MAX_PASSAGE_WORDS = 15, 60

# Sections of running text; no other section (parameters, examples, references, …) is kept.
_PROSE_SECTIONS = re.compile(r"notes?|warnings?|description|details")
_TABLE_SECTIONS = re.compile(
    r"(other )?param(eter)?s?|((keyword|call) )?arg(ument)?s?|kwargs|keywords|returns?( value)?|"
    r"yields|raises|receives|warns|attributes?|attributes (accessed|updated)|methods?|properties|"
    r"inputs?|outputs?|shapes?|examples?|usage|references?|see also|todo|options|defaults|types|"
    r"fields|variables|requirements"
)
_PROSE_DIRECTIVES = {"note", "warning", "important", "caution", "attention", "tip", "hint"}
_DRAWN = re.compile(r"[│┌└╞├|+#]|.*\S\s{4,}\S")  # lines, or columns
_UNDERLINE = re.compile(r"\s*([-=~^*])\1{2,}\s*")
_HEADING = re.compile(r"\s*\**([A-Za-z ]+?)\**\s*:{1,2}\**\s*")
_FIELD = re.compile(r"\s*(?::[a-z]+\b[^:`]*:(?!`)|@[a-z]+\b)")
_DEFINITION = re.compile(r"[\w*. ]+\([^)]*\)\s*:.*|\w*_\w*:.*|[A-Z]+:.*|.*[:(,]")
_DIRECTIVE = re.compile(r"\s*\.\.\s+(?:([\w:-]+?)::|[_\[|\w])|\s*\.\.$")
_BULLET = re.compile(r"^\s*(?:[-*•+]|\(?[\divx]{1,3}[.)])\s+")
_SIGNATURE = re.compile(r"[\w.]+\(.*\)(\s*->.*)?\.?|\s*")

# Stands for what was cut out of a sentence (a formula); such a sentence is left out whole.
_CUT = "\ue000"
_MARKUP = [
    (r"(?i)\b(see|in|of|by|from|and|to|on|with|also|refs?\.?)\s+\[[\w#*,\s-]{1,20}\]_", _CUT),
    (r"\[[\w#*,\s-]{1,20}\]_", ""),  # footnote
    (r":math:`[^`]*`|\$[^$\s][^$]*\$|\\[a-z]+\{", _CUT),  # formula
    (r"!?\[([^\]]+)\]\([^)\s]*\)", r"\1"),  # Markdown link
    (r"\[`+([^`]+)`+\](?:\[\w*\])?", r"\1"),  # Markdown reference
    (r"(?::[\w+-]+)*:`([^`<]+?)\s*<[^>`]*>`", r"\1"),  # role with a text of its own
    (r"(?::[\w+-]+)*:`~(?:[^`]*?\.)?([^`.]+(?:\(\))?)`", r"\1"),  # role that shows the last part
    (r"(?::[\w+-]+)+:`[!.]*([^`]+)`", r"\1"),  # role
    (r"``([^`]+)``", r"\1"),
    (r"`([^`<]+?)\s*<[^>`]*>`_*", r"\1"),  # link
    (r"`~(?:[^`]*?\.)?([^`.]+)`_*", r"\1"),
    (r"`[!.]*([^`]+)`_*", r"\1"),
    (r"(?<![\w*])\*{1,3}(?=[^\s*])([^*]+?)(?<=[^\s*])\*{1,3}(?![\w*])", r"\1"),  # emphasis
    (r"(?<!\w)\|([^|\s][^|]*)\|(?!\w)", r"\1"),  # substitution
    (r"</?[A-Za-z][^<>]*>", ""),  # tag
    (r"<?https?://\S+", _CUT),
    (r"\\(\W)", r"\1"),
    (r"\s+", " "),
    (r" ([,;:)]|\.(?!\w))", r"\1"),
]
_MARKUP = [(re.compile(pattern), replacement) for pattern, replacement in _MARKUP]
_SENTENCE_END = re.compile(
    r"(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bcf\.)(?<!\bvs\.)(?<!\bal\.)(?<!\bEq\.)(?<!\bFig\.)"
    r"(?:(?<=[.!?])|(?<=[.!?][\"')])|(?<=[.!?][\"')]{2}))\s+(?=[\"'(]*[A-Z])"
)
_WHOLE_SENTENCE = re.compile(
    r"(?!(?:where|for|with|and|or|see|then|which|in|as|to|is|of|by)\b).*[.!?][\"')]*"
)
_PLAIN_WORD = re.compile(r"[\"'(]*[A-Za-z]+(?:['/-][A-Za-z]+)*[\"')]*[.,:;!?]*[\"')]*")


def split_docstring(docstring: str, max_words: int = MAX_PASSAGE_WORDS) -> tuple[str, str] | None:
    """The query and the passage in ``docstring``, or None where it is too short or not text.

    The query is the first sentence (3 to 25 words); the passage is what running text follows
    (at least 15 words), up to the last sentence that ends within ``max_words``.
    """
    sentences = [s for text in _paragraphs(docstring) for s in _SENTENCE_END.split(_plain(text))]
    if not sentences or not _is_prose(sentences[0]) or _DEFINITION.fullmatch(sentences[0]):
        return None
    rest = [s for s in sentences[1:] if _is_prose(s) and _WHOLE_SENTENCE.fullmatch(s)]
    query, passage = sentences[0], _capped(rest, max_words)
    fits = QUERY_WORDS[0] <= len(query.split()) <= QUERY_WORDS[1]
    return (query, passage) if fits and len(passage.split()) >= MIN_PASSAGE_WORDS else None


def _capped(sentences: list[str], max_words: int) -> str:
    """Whole sentences of at most ``max_words`` words together; the first one cut if need be."""
    words: list[str] = []
    for sentence in sentences:
        if words and len(words) + len(sentence.split()) > max_words:
            break
        words += sentence.split()
    return " ".join(words[:max_words])


def _is_prose(sentence: str) -> bool:
    """Whether a sentence reads as text: most of its words are plain words, nothing was cut."""
    words = sentence.split()
    plain = sum(_PLAIN_WORD.fullmatch(word) is not None for word in words)
    return len(words) >= 3 and plain >= 0.75 * len(words) and _CUT not in sentence


def _plain(paragraph: str) -> str:
    """``paragraph`` without the markup of reStructuredText and Markdown."""
    for pattern, replacement in _MARKUP:
        paragraph = pattern.sub(replacement, paragraph)
    return paragraph.strip()


def _paragraphs(docstring: str) -> Iterator[str]:
    """Paragraphs of running text; signatures at the start are passed over."""
    lines = _without_code(inspect.cleandoc(docstring).splitlines())
    lines = _without_directives(_prose_sections(lines))
    while lines and _SIGNATURE.fullmatch(lines[0]):
        lines.pop(0)
    paragraph: list[str] = []
    for line in [*lines, ""]:
        if paragraph and (not line.strip() or _BULLET.match(line)):
            yield " ".join(paragraph)
            paragraph = []
        if line.strip():
            paragraph.append(_BULLET.sub("", line, count=1).strip())


def _without_code(lines: list[str]) -> list[str]:
    """Lines outside of fences, doctests (up to a blank line), drawn tables, literal blocks."""
    kept, fenced, doctest, literal = [], False, False, None
    for line in lines:
        text, indent = line.strip(), len(line) - len(line.lstrip())
        if text.startswith(("```", "~~~")) and not _UNDERLINE.fullmatch(line):
            fenced = not fenced
            continue
        doctest = text.startswith((">>>", "In [")) or (doctest and bool(text))
        if literal is not None and text and indent <= literal:
            literal = None
        if not (fenced or doctest or _DRAWN.match(text) or literal is not None):
            kept.append(re.sub(r"::\s*$", ":", line) if not text.startswith("..") else line)
            if text.endswith("::") and not text.startswith(".."):
                literal = indent
    return kept


def _prose_sections(lines: list[str]) -> list[str]:
    """Lines of the text before the first section and of sections of prose."""
    kept, dropped, heading_indent, underlined = [], False, 0, False
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        below = lines[number + 1] if number + 1 < len(lines) else ""
        colon = _HEADING.fullmatch(line)
        name = (colon.group(1) if colon else line.strip()).lower()
        if _UNDERLINE.fullmatch(line):
            continue
        if line.strip() and _UNDERLINE.fullmatch(below):
            dropped, underlined = not _PROSE_SECTIONS.fullmatch(name), True
        elif colon and (_TABLE_SECTIONS.fullmatch(name) or _PROSE_SECTIONS.fullmatch(name)):
            dropped, underlined = not _PROSE_SECTIONS.fullmatch(name), False
            heading_indent = indent
        elif not line.strip():
            kept.append("")
        else:
            if dropped and not underlined and indent <= heading_indent and not lines[number - 1]:
                dropped = False
            if not dropped:
                kept.append(line)
    return kept


def _without_directives(lines: list[str]) -> list[str]:
    """Lines outside of fields (``:param x:``) and directives, but with the text of notes."""
    kept, block = [], None
    for line in lines:
        text, indent = line.strip(), len(line) - len(line.lstrip())
        if block is not None and text and indent <= block:
            block = None
        directive = _DIRECTIVE.match(line)
        if block is None and directive and directive.group(1) in _PROSE_DIRECTIVES:
            kept += ["", line[directive.end() :].strip()]
        elif block is None and (directive or _FIELD.match(line)):
            block = indent
        elif block is None:
            kept.append(line)
        elif not text:
            kept.append("")
    return kept
