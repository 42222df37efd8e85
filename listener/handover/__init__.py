"""Hand-over: a second process takes over from the first, and no agent is absent for a moment.

`leaving` is the first process's side, `arriving` the second one's; they talk over a pair of sockets
(`channel`) that the first one made when it started the second (`starting`). Before the second says
"mine" it judges, sends and serves nothing; the first takes its work back only once the second is
certainly dead. So at no moment two processes work at one request.
"""
