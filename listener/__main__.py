"""`python -m listener`: the same as the command `listener`."""

from listener.cli import main

if __name__ == "__main__":
    main()
