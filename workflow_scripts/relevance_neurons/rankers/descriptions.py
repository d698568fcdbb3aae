"""One description per architecture: which modules of a model are which component."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Part:
    """Part ``index`` (from 0) of the outputs of the linear module at ``path``, cut in ``of``."""

    path: str
    index: int = 0
    of: int = 1


@dataclass(frozen=True)
class Architecture:
    """Where the parts of a ranker are, as attribute paths.

    ``layers`` starts at ``model.base_model`` and leads to the list of layers; several paths are
    numbered on (an encoder, then a decoder), and a function of the base model returns the layers
    in the order in which they run, a shared one as often as it runs.

    ``components`` says for each of query, key, value, attention_output, intermediate and
    ff_output which linear module of a layer puts out its neurons: a path within the layer, a
    ``Part`` of a fused module, or several of them, numbered on. Of several, those that a layer
    does not have are passed over. ``no_neurons`` names the linear modules of a layer that see
    nothing of the input; every output of every other one must be described, and once.

    ``layer_output``, a path within the layer, is the module that puts out the residual stream
    after the layer (the whole stream, not what the layer adds to it); "" is the layer itself.

    A model that is not in ``ARCHITECTURES`` is described so, for ``load_reranker``:

        Architecture(
            name="mine",
            layers="encoder.blocks",
            components={
                "query": Part("attention.qkv", 0, of=3),
                "key": Part("attention.qkv", 1, of=3),
                "value": Part("attention.qkv", 2, of=3),
                "attention_output": "attention.out",
                "intermediate": ("feed_forward.gate", "feed_forward.up"),
                "ff_output": "feed_forward.down",
            },
        )
    """

    name: str
    layers: str | tuple[str, ...] | Callable[[nn.Module], Iterable[nn.Module]]
    components: Mapping[str, str | Part | Sequence[str | Part]]
    layer_output: str = ""
    no_neurons: tuple[str, ...] = ()

    def parts(self, component: str) -> list[Part]:
        """All parts that may put out the neurons of ``component``, in order."""
        described = self.components.get(component, ())
        several = (described,) if isinstance(described, str | Part) else described
        return [Part(part) if isinstance(part, str) else part for part in several]


BERT = Architecture(
    name="bert",
    layers="encoder.layer",
    components={
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "attention_output": "attention.output.dense",
        "intermediate": "intermediate.dense",
        "ff_output": "output.dense",
    },
    layer_output="output.LayerNorm",
)
"""BERT, MiniLM, ELECTRA, RoBERTa, XLM-RoBERTa, CamemBERT: they share their module names."""

DISTILBERT = Architecture(
    name="distilbert",
    layers="transformer.layer",
    components={
        "query": "attention.q_lin",
        "key": "attention.k_lin",
        "value": "attention.v_lin",
        "attention_output": "attention.out_lin",
        "intermediate": "ffn.lin1",
        "ff_output": "ffn.lin2",
    },
    layer_output="output_layer_norm",
)

DEBERTA_V2 = Architecture(
    name="deberta_v2",
    layers="encoder.layer",
    components={
        "query": "attention.self.query_proj",
        "key": "attention.self.key_proj",
        "value": "attention.self.value_proj",
        "attention_output": "attention.output.dense",
        "intermediate": "intermediate.dense",
        "ff_output": "output.dense",
    },
    layer_output="output.LayerNorm",
    # Projections of relative positions, where they have their own (share_att_key false).
    no_neurons=("attention.self.pos_key_proj", "attention.self.pos_query_proj"),
)
"""DeBERTa-v2 and v3. The convolution after the first layer of the largest counts no neurons."""


def _albert_layers(base: nn.Module) -> list[nn.Module]:
    """ALBERT's layers as they run: each group several times (see AlbertTransformer.forward)."""
    groups, n_runs = base.encoder.albert_layer_groups, base.config.num_hidden_layers
    runs = [groups[int(run / (n_runs / len(groups)))] for run in range(n_runs)]
    return [layer for group in runs for layer in group.albert_layers]


ALBERT = Architecture(
    name="albert",
    layers=_albert_layers,
    components={
        "query": "attention.query",
        "key": "attention.key",
        "value": "attention.value",
        "attention_output": "attention.dense",
        "intermediate": "ffn",
        "ff_output": "ffn_output",
    },
    layer_output="full_layer_layer_norm",
)
"""ALBERT: a layer's neurons are those of one run of the layer, though the weights are shared."""

MODERNBERT = Architecture(
    name="modernbert",
    layers="layers",
    components={
        "query": Part("attn.Wqkv", 0, of=3),
        "key": Part("attn.Wqkv", 1, of=3),
        "value": Part("attn.Wqkv", 2, of=3),
        "attention_output": "attn.Wo",
        "intermediate": "mlp.Wi",  # what is activated, then its gate
        "ff_output": "mlp.Wo",
    },
)


def _t5_attention(name: str) -> tuple[str, str]:
    """A projection of self-attention and, in a decoder's layer, of attention to the encoder."""
    return f"layer.0.SelfAttention.{name}", f"layer.1.EncDecAttention.{name}"


def _t5_feed_forward(*names: str) -> tuple[str, ...]:
    """Modules of the feed-forward part, which is a decoder layer's third and else the second."""
    return tuple(f"layer.{place}.DenseReluDense.{name}" for place in (1, 2) for name in names)


T5 = Architecture(
    name="t5",
    layers=("encoder.block", "decoder.block"),
    components={
        "query": _t5_attention("q"),
        "key": _t5_attention("k"),
        "value": _t5_attention("v"),
        "attention_output": _t5_attention("o"),
        "intermediate": _t5_feed_forward("wi", "wi_0", "wi_1"),
        "ff_output": _t5_feed_forward("wo"),
    },
)
"""T5, as MonoT5 uses it: the encoder's layers, then the decoder's; plain and gated (v1.1)."""

ARCHITECTURES = (BERT, DISTILBERT, DEBERTA_V2, ALBERT, MODERNBERT, T5)
