"""The workshop of the book: running, checking and building its notebooks. Readers never need it."""
