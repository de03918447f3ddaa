"""One customer: nodes, edges, guard rails, proposals, merge and unmerge."""
