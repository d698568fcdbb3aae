"""The page of the study file's keys, from the schema, config.yaml and the table of re-runs."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT / "rules" / "schemas" / "study.schema.yaml"
CONFIG = ROOT / "config.yaml"
RERUNS = ROOT / "docs" / "cluster.md"
ANY = "<name>"
"""In a key: a name of the user's."""
COSTS = {
    "reranker.max_length": "time and memory of a pass grow with it, attention's with its square",
    "reranker.batch_tokens": "memory of a pass, in proportion",
    "reranker.finetune.pairs": "time of training, in proportion",
    "collections.<name>.negatives": "a few seconds of BM25; more judged pairs to score",
    "attribution.collections": "a map for each of them, label and method",
    "attribution.methods": "each attributes the same pairs and ranks without its neurons: see "
    "[what they cost](../methods.md#what-they-cost)",
    "attribution.max_pairs": "time of attribution, in proportion",
    "attribution.tolerance": "a smaller one takes more points a pair: see "
    "[error against cost](../engine.md#error-against-cost)",
    "attribution.n_points": "time of attribution, in proportion",
    "attribution.bootstrap_replicates": "memory and disk of a map, in proportion: see "
    "[what bounds memory](../scaling.md#what-bounds-memory)",
    "attribution.split_halves": "memory and disk of a map, in proportion",
    "attribution.convergence_pairs": "so many pairs of each map, with twice the points",
    "baselines.pairs": "one pass for each pair and each of the ten baselines",
    "selection.top_percents": "each level is re-ranked with every scheme and its random draws",
    "ablation.collections": "each is re-ranked under every ablation",
    "ablation.schemes": "each is re-ranked, and its random draws with it",
    "ablation.max_queries": "time of re-ranking, in proportion",
    "ablation.candidates": "time of re-ranking, in proportion",
    "ablation.random_draws": "time of re-ranking, nearly in proportion",
    "ablation.further": "each ranks with every scheme again; matched as often as there are draws",
    "ablation.curves": "an ablation for each level, scheme and kind, and for each draw",
    "sanity.neurons": "an ablation of the pairs for each",
    "sanity.strong": "an ablation of the pairs for each",
    "tokens": "see [what it costs](../tokens.md#what-it-costs)",
    "mechanism": "see [what it costs](../mechanism.md#what-it-costs)",
}
"""What a key costs, where that is more than seconds."""
HEAD = """\
# The study file

Every key of a study file: what it is, what it may be, its default, what it costs where that is more
than seconds, and which jobs with a ranker run again when it changes. The text is that of
`rules/schemas/study.schema.yaml`, `config.yaml` and
[what runs again](../cluster.md#what-runs-again). `<name>` stands for a name of
yours. Unknown keys are refused.
"""


def walk(node: Mapping, path: str, definitions: Mapping) -> Iterator[tuple[str, Mapping, bool]]:
    """Yield every key of an object of the schema: its dotted path, its schema, if it must be."""
    required = node.get("required", ())
    children = {
        name: (value, name in required) for name, value in node.get("properties", {}).items()
    }
    if isinstance(node.get("additionalProperties"), Mapping):
        children[ANY] = (node["additionalProperties"], False)
    for name, (value, must_be) in children.items():
        inner = resolved(value, definitions)
        key = f"{path}.{name}" if path else name
        yield key, inner, must_be
        for one in (inner, *inner.get("anyOf", ())):
            yield from walk(resolved(one, definitions), key, definitions)


def resolved(node: Mapping, definitions: Mapping) -> Mapping:
    """``node``, with what it refers to."""
    reference = node.get("$ref", "").removeprefix("#/$defs/")
    return {**definitions.get(reference, {}), **node} if reference else node


def allowed(node: Mapping, definitions: Mapping) -> str:
    """What a value may be, in words."""
    node = resolved(node, definitions)
    if "anyOf" in node:
        return ", or ".join(allowed(one, definitions) for one in node["anyOf"])
    if "enum" in node:
        return " | ".join(f"`{one}`" for one in node["enum"])
    if node["type"] == "array":
        items = resolved(node["items"], definitions)
        return f"a list of: {allowed(items, definitions)}"
    if node["type"] in ("integer", "number"):
        kind = {"integer": "a whole number", "number": "a number"}[node["type"]]
        return kind + "".join(
            f" {words} {node[limit]}"
            for limit, words in (
                ("minimum", "from"),
                ("exclusiveMinimum", "above"),
                ("maximum", "up to"),
                ("exclusiveMaximum", "below"),
            )
            if limit in node
        )
    return {"object": "keys", "string": "text", "boolean": "`true` | `false`"}[node["type"]]


def comments(text: str, known: set[str]) -> dict[str, str]:
    """The comments behind (and under) the keys of ``config.yaml``, keys in comments included."""
    found: dict[str, list[str]] = defaultdict(list)
    path: list[tuple[int, str]] = []
    last = ""
    for line in text.splitlines():
        margin = len(line) - len(line.lstrip())
        if (margin >= 20 and line.strip().startswith("#")) or re.match(r"#\s{20,}#", line):
            if last:
                found[last].append(line.strip().lstrip("# "))
            continue
        last = ""
        match = re.match(r"(\s*)(?:# )?(\s*)(\w+):(?: (.*))?$", line)
        if not match:
            continue
        indent = len(match[1]) + len(match[2])
        path = [one for one in path if one[0] < indent]
        key = _known(".".join([*(name for _, name in path), match[3]]), known)
        if not key:
            continue
        path.append((indent, key.rpartition(".")[2]))
        if comment := re.search(r"(?:^|\s)# (.*)", match[4] or ""):
            found[key].append(comment[1])
        last = key
    return {key: " ".join(lines) for key, lines in found.items() if lines} | _of_collections(text)


def _known(key: str, known: set[str]) -> str:
    """``key`` as the schema has it, with names of the user's as ``<name>``; "" if it has none."""
    parts: list[str] = []
    for part in key.split("."):
        own = ".".join([*parts, part])
        other = ".".join([*parts, ANY])
        if own not in known and other not in known:
            return ""
        parts.append(part if own in known else ANY)
    return ".".join(parts)


def _of_collections(text: str) -> dict[str, str]:
    """The keys of a collection, which config.yaml explains in a list of its own."""
    lines = text.partition("Keys of each:\n")[2].partition("# For example:")[0].splitlines()
    found: dict[str, str] = {}
    names: list[str] = []
    for line in lines:
        if match := re.match(r"#   (\w+(?:, \w+)*):?\s+(.*)", line):
            names = match[1].split(", ")
            found |= dict.fromkeys(names, match[2])
        else:
            found |= {name: f"{found[name]} {line.strip('# ')}" for name in names}
    return {f"collections.{ANY}.{name}": words for name, words in found.items()}


def reruns(text: str, known: set[str]) -> dict[str, list[str]]:
    """What a change of a key runs again, from the table of docs/cluster.md."""
    found: dict[str, list[str]] = defaultdict(list)
    table = text.partition("## What runs again")[2]
    others_before = ""
    for change, on_gpu, others in re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", table, re.M):
        others = others_before if others == "the same" else others
        others = others.replace("the same", others_before)
        others_before = others.rpartition("candidates, ")[2]
        prefix = f"collections.{ANY}." if change.startswith("a collection's") else ""
        for name in re.findall(r"`([\w.]+)`", change):
            prefix = f"{name.rpartition('.')[0]}." if "." in name else prefix
            key = prefix + name.rpartition(".")[2]
            if key in known:
                how = "" if change.startswith("`") or prefix.startswith("coll") else f"{change}: "
                found[key].append(f"{how}{on_gpu if on_gpu != '–' else 'none'}; then {others}")
    return found


def entry(key: str, node: Mapping, must_be: bool, definitions: Mapping, about: Mapping) -> str:
    """A key of the page."""
    words = [f"\n### `{key}`\n\n"]
    # The schema and config.yaml say the same of most keys; the longer text has all of it.
    told = max(node.get("description", ""), about["comments"].get(key, ""), key=len)
    words += [f"{_as_text(told).rstrip('.')}.\n\n"] if told else []
    default = "needed" if must_be else ""
    if node.get("default") not in (None, {}):
        value = yaml.safe_dump(node["default"], default_flow_style=True, width=999)
        default = f"default `{value.splitlines()[0]}`"
    limits = f"*Allowed:* {allowed(node, definitions)}{f'; {default}' if default else ''}."
    words.append(f"{limits}\n")
    if cost := COSTS.get(key):
        words.append(f"\n*Costs:* {cost}.\n")
    for again in about["reruns"].get(key, ()):
        words.append(f"\n*When it changes, jobs with the ranker:* {again}.\n")
    return "".join(words)


def _as_text(text: str) -> str:
    """``text`` as Markdown shows it: lists of ids and placeholders are no links and no HTML."""
    return re.sub(r"([<>\[\]|*_])", r"\\\1", text)


def page() -> str:
    """The page of all keys."""
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    definitions = schema["$defs"]
    keys = list(walk(schema, "", definitions))
    known = {key for key, _, _ in keys}
    about = {
        "comments": comments(CONFIG.read_text(encoding="utf-8"), known),
        "reruns": reruns(RERUNS.read_text(encoding="utf-8"), known),
    }
    parts = [HEAD]
    for key, node, must_be in keys:
        if "." not in key:
            parts.append(f"\n## {key}\n")
        parts.append(entry(key, node, must_be, definitions, about))
    return "".join(parts)
