"""Turns a CAP or RSS feed into look-outs."""
