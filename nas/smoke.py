"""The smoke test of a cluster, as both its component and doctor know it."""

SMOKE_NAMESPACE = "nas-k3s-smoke"
"""Namespace of its Job."""
