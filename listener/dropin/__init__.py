"""In place of Finesse: its own REST API, answered with what came of each request.

What was decided where the contract (docs/api.md) leaves it open:

- X-Outcome, X-Evidence and X-Reason stand on every answer to a tracked request, empty where there
  is nothing to say, and Location with them. A request that is still open is `open`, and its reason
  is its state. Without `Prefer` nothing else of Finesse's answer changes; a Location of its own
  stays there, and so it does on a redirect.
- Without a whole answer of Finesse: 503 when nothing was sent; 202 for a write that may have
  arrived, tracked or not (X-Reason is then `no_answer`); 502 or 504 for a read.
- Bodies travel packed as they are; to judge an answer, gzip and deflate are unpacked here within a
  bound. What is packed otherwise goes by its status.
- A request of somebody whose session does not hear is tracked when the agent is configured or the
  session was up before: what came of it may be seen when it is back. Else it goes out untracked.
- A body that is longer than 256 KiB or is no XML is passed on as it comes, known by its id alone.
"""
