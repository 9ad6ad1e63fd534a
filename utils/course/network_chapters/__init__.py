"""What the chapters on one network share: clean, under attack, adversarially trained."""
