"""The names of an encoder layer's components, apart so that no torch is needed to read them."""

COMPONENTS = ("query", "key", "value", "attention_output", "intermediate", "ff_output")
"""The components of an encoder layer, in the order in which the data flows through them."""
