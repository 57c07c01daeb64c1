"""From what a file says to what a model or an annotation file expects."""
