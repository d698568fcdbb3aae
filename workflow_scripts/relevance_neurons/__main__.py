"""``python -m relevance_neurons``: the command relevance-neurons."""

import sys

from relevance_neurons.command.main import main

sys.exit(main())
