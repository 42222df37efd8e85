"""Options that name a file to be read.

Whether it can be read is found out when it is read: then it is told in the same words, and with the
same exit code, as that it is not there.
"""

from functools import partial

import typer

file_option = partial(typer.Option, readable=False)
file_argument = partial(typer.Argument, readable=False)
