"""``mmsnip report``; its arguments stand in mmsnip/cli/report.py."""

from mmsnip.cli.command_line import run_tool

if __name__ == '__main__':
    run_tool('report')
