"""The benchmark: the gate's cost beside a bare async Django view, as ratios in one run."""
