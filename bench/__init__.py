"""Benchmarks that print ratios against anchors measured in the same round; never timed asserts."""
