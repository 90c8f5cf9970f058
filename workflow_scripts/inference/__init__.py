"""Load any model, encode sequences, batch them by length, predict and embed."""
