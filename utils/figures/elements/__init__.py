"""What all figures are made of: colours, panels, charts, rows of images."""
