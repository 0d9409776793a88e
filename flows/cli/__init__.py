"""The command `autotune`: one file per command. Nothing heavy is imported before the first line is printed."""
