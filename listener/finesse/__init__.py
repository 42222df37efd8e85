"""What Finesse says: paths, models, XML, events, requests, errors. Pure: no loop, no clock."""
