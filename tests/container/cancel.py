"""Cancels a step in a container as GitHub's runner does: SIGINT, 7.5 s later
SIGTERM, 2.5 s later SIGKILL, each to the engine's client alone.

Usage: cancel.py DOCKER NAME ARGUMENTS-OF-DOCKER-RUN…
Succeeds if the step ended within a second of SIGINT, with 130, said where the
deployment goes on, and left no container behind.
"""

import signal
import subprocess
import sys
import time

docker, name, *arguments = sys.argv[1:]
step = subprocess.Popen(
    [docker, "run", "--rm", "--name", name, *arguments],
    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True,
)
log = []
for line in step.stdout:
    log.append(line)
    if "• build" in line:
        break
began = time.monotonic()
for sent, patience in ((signal.SIGINT, 7.5), (signal.SIGTERM, 2.5), (signal.SIGKILL, 10)):
    step.send_signal(sent)
    try:
        step.wait(patience)
        break
    except subprocess.TimeoutExpired:
        pass
took = time.monotonic() - began
log.append(step.stdout.read())
left = subprocess.run(
    [docker, "ps", "--all", "--quiet", "--filter", f"name={name}"],
    capture_output=True, text=True, check=True,
).stdout.strip()
print("".join(log))
print(f"ended by {sent.name} after {took:.2f} s with {step.returncode}")
assert step.returncode == 130, "not as interrupted"
assert took < 1, "too late"
assert "Interrupted; deployment 9a8b7c6d goes on at Cloudflare: https://dash.cloudflare.com/" in log[-1]
assert not left, "a container was left behind"
