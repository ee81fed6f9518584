"""The commands of `python -m nas`: each module has one, `command`."""
