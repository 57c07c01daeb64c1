"""The command `mmsnip`: tools by name, doctor, shell completion.

Importing it loads nothing but the standard library; a tool loads what it
needs when it is called. `command_line.main` is the entry point.
"""
