"""What the program costs, measured on the NAS in a box against what people use instead.

`python -m tests.bench` measures and writes docs/performance.json, and from that file alone the page
and its picture. Never a test: a figure of a busy machine says nothing.
"""
