"""What a file of each format holds, how its grey levels are chosen, and writing images back."""
