"""The page that the daemon serves at `/`: who may look at it, its files, and what it shows.

    install(app, Page(...))      # see `page.pages`; `entrances` puts it behind the door of the API

It shows what the daemon knows and changes nothing. What it is given is masked unless whoever asked
for its link may see numbers. The browser's side is in `assets`. Nothing is imported here.
"""
