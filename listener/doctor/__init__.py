"""The doctor: walks from here to a caller's outcome and says at each step what it saw.

`findings` are the values, `seen` what probes bring; `network`, `certificates`, `systeminfo`,
`logins`, `hearing` and `machine` say what follows from it (pure). `probes` look; `house`, `node`
and `agent` know the order, and `walk` does it all. Nothing of it runs in a daemon.
"""

from listener.doctor.findings import Cause, Family, Report, Status, Step, Verdict
from listener.doctor.walk import Wanted, check

__all__ = ["Cause", "Family", "Report", "Status", "Step", "Verdict", "Wanted", "check"]
