"""The border to upstream oref0: its inputs, its engines, its outcome. The only room that knows its files."""
