"""One loop, losses, checkpoints, tuning."""
