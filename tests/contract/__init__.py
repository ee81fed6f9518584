"""What this project relies on of the Pulumi providers `docker` and `command`, as one suite.

It runs tiny programs with the real engine against a real sshd and real Docker daemons, with
whichever plugins the lab's engine has: official ones or the lab's stand-ins.
"""
