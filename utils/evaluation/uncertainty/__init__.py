"""Knowing when not to predict: calibration, selective prediction, conformal sets."""
