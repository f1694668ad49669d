"""Pure rules of rooms. No I/O, no clock, no event loop: time and randomness come in as arguments."""
