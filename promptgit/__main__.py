"""`python -m promptgit`: the commands, where no folder of scripts is on the path."""

from promptgit.cli import main

if __name__ == "__main__":
    main(prog_name="promptgit")
