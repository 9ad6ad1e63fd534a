"""Heat maps: where a model looks, and how far that can be trusted."""
