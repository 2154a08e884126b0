"""Cancels a step in a container in which the program is process 1.

Usage: cancel.py github|stop DOCKER NAME ARGUMENTS-OF-DOCKER-RUN…

`github` cancels as the GitHub runner does: SIGINT, SIGTERM after 7.5 s, and SIGKILL
after another 2.5 s, sent only to the engine's client. `stop` uses `docker stop`, as
other hosts do. Succeeds if the step ended within a second with 130 or 143, said where
the deployment continues, and left no container behind.
"""

import signal
import subprocess
import sys
import time

how, docker, name, *arguments = sys.argv[1:]
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
if how == "stop":
    sent = signal.SIGTERM
    subprocess.run([docker, "stop", name], stdout=subprocess.DEVNULL, check=True)
    step.wait(10)
else:
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
print(f"ended by {sent.name} after {took:.2f} s with {step.returncode}")
assert step.returncode == (143 if how == "stop" else 130), "not as interrupted"
assert took < 1, "too late"
words = "Interrupted; deployment 9a8b7c6d continues at Cloudflare: https://dash.cloudflare.com/"
assert words in log[-1], "".join(log)
assert not left, "a container was left behind"
