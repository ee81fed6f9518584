"""What stops a run before anything changes: pure checks of settings against facts."""
