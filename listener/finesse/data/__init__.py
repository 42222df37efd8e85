"""The tables of the error catalogue. Read by `listener.finesse.catalogue.entries`; no code here."""
