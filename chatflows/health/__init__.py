"""Health: what a process tells of itself to those who watch it: readiness and metrics."""
