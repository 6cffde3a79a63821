"""`python -m nurture.cli` is `nurture`."""

from nurture.cli import main

main()
