"""A retry as a user of the Python SDK would write it: send the POST, then poll every 5 s."""

import os
import sys
import time

from cloudflare import Cloudflare

client = Cloudflare(api_token=os.environ["TOKEN"], base_url=os.environ["BASE"])
deployments = client.pages.projects.deployments
names = {"account_id": os.environ["ACCOUNT"], "project_name": os.environ["PROJECT"]}
made = deployments.retry(os.environ["DEPLOYMENT"], **names)
while True:
    stage = deployments.get(made.id, **names).latest_stage
    if stage.status in ("failure", "canceled"):
        sys.exit(1)
    if stage.name == "deploy" and stage.status == "success":
        break
    time.sleep(5)
