"""``python -m mmsnip.cli`` is ``mmsnip``."""

import sys

from mmsnip.cli.command_line import main

if __name__ == '__main__':
    sys.exit(main())
