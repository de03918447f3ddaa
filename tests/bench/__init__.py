"""The benchmark: `make bench`. What is measured, and how, is told in docs/performance.md."""
