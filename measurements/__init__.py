"""What is measured by hand, on real nodes, with dated results."""
