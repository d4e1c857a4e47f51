"""`python -m services.cli` is `qiledger`, wherever the environment lies."""

from services.cli import main

if __name__ == "__main__":
    main(prog_name="qiledger")
