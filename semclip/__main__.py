"""`python -m semclip` is `semclip`."""

from semclip.cli import main

if __name__ == "__main__":
    main()
