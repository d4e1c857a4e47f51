"""One file for each job that a queue can name."""
