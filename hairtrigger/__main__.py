"""``python -m hairtrigger``: the same program as ``hairtrigger``."""

from hairtrigger.cli.main import main

main()
