"""Measurements. `python -m bench` runs them; see bench/README.md."""
