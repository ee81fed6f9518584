"""`python -m nas doctor`: the troubleshooting tree, walked on the live NAS without changing it."""
