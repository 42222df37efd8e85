"""What people paste when they are lost: payloads in any wrapping, with noise between them.

`read_pasted` takes a text apart into pieces, in order; it raises nothing. It cuts out what looks
like Finesse's and gives that to the strict reader of `wire`: what a payload means is known there
alone. Nothing of the noise (headers, passwords, cookies) is ever repeated.
"""

from listener.finesse.pasted.asked import asked_in
from listener.finesse.pasted.pieces import Piece
from listener.finesse.pasted.reading import read_pasted
from listener.finesse.pasted.saying import problem_of

__all__ = ["Piece", "asked_in", "problem_of", "read_pasted"]
