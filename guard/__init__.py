"""Corpus, training and benchmark of the guard. Nothing of the product imports this package."""
