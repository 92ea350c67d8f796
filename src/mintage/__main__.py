"""`python -m mintage` is the command line."""

from mintage.cli import main

main()
