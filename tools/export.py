"""``mmsnip export``; its arguments stand in mmsnip/cli/export.py."""

from mmsnip.cli.command_line import run_tool

if __name__ == '__main__':
    run_tool('export')
