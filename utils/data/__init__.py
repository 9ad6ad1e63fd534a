"""Split, data sets by name, reading files, splitting by patient, duplicates, drawn images."""
