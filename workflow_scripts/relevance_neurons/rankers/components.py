"""What tells neurons apart, and the components of a layer: apart, so that no torch is needed."""

COMPONENTS = ("query", "key", "value", "attention_output", "intermediate", "ff_output")
"""The components of an encoder layer, in the order in which the data flows through them."""

NEURON_COLUMNS = ("layer", "component", "neuron")
"""The columns that name a neuron in every table."""
