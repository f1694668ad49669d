"""Search, measured: each store's index over one corpus, peers beside it, and appends with an index that follows them and without."""
