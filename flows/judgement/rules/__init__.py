"""The rules of the verdict, by what they look at."""
