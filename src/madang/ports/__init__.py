"""What Madang needs from the outside, one small interface per file. The comments are the contract."""
