"""Tokenizers that cut words into pieces, of the three kinds that rankers have."""

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from toys.bert import make_tokenizer


def wordpiece() -> PreTrainedTokenizerFast:
    """BERT's: "wings" is wing, ##s; "reflowing" is re, ##flow, ##ing."""
    tokenizer = make_tokenizer(["re", "##flow", "##s", "##ing", ".", "-"])
    tokenizer.backend_tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def byte_bpe() -> PreTrainedTokenizerFast:
    """RoBERTa's: bytes as letters, Ġ for a space; merged are " the", "ing" and "é" alone."""
    merges = [("Ġ", "t"), ("Ġt", "h"), ("Ġth", "e"), ("Ã", "©"), ("i", "n"), ("in", "g")]
    letters = [*pre_tokenizers.ByteLevel.alphabet(), *("".join(pair) for pair in merges)]
    words = ["<s>", "<pad>", "</s>", "<unk>", *sorted(letters)]
    vocabulary = {token: number for number, token in enumerate(words)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    names = {"bos_token": "<s>", "cls_token": "<s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    return _fast(tokenizer, {**names, "eos_token": "</s>", "sep_token": "</s>"})


def unigram() -> PreTrainedTokenizerFast:
    """DeBERTa-v3's: SentencePiece, with punctuation by itself: "wings." is ▁wing, s, ▁, ."""
    pieces = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "▁", ".", "s", "▁wing", "▁flow", "ing", "▁the"]
    tokenizer = Tokenizer(models.Unigram([(piece, -1.0) for piece in pieces], unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Punctuation(behavior="isolated"), pre_tokenizers.Metaspace()]
    )
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    names = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return _fast(tokenizer, {**names, "unk_token": "[UNK]", "mask_token": "[MASK]"})


def _fast(tokenizer: Tokenizer, names: dict[str, str]) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        **names,
        model_max_length=64,
        model_input_names=["input_ids", "attention_mask"],
    )
