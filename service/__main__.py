"""`python -m service` is `unspoken`."""

from service.cli import main

main()
