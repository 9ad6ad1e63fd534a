"""The playground: pictures that follow a slider, and the reading kit as a game."""
