"""`python -m web.cli` is `coverdesk`."""

from web.cli import main

if __name__ == "__main__":
    main()
