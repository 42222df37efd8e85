"""The doctor: walks from here to a caller's outcome and says at each step what it saw.

`findings` are the values, `seen` what probes bring; `settings_side`, `machine`, `network`,
`certificates`, `systeminfo`, `logins`, `hearing` and `agents` say what follows from it (pure);
`probes` look, and `walk` does it all in an engineer's order. Nothing of it runs in a daemon.
"""

from listener.doctor.findings import Cause, Family, Report, Status, Step, Verdict
from listener.doctor.walk import Wanted, check

__all__ = ["Cause", "Family", "Report", "Status", "Step", "Verdict", "Wanted", "check"]
