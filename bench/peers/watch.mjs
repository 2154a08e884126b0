// A retry as a user of the Node SDK would write it: send the POST, then poll every 5 s.
import Cloudflare from "cloudflare";

const { ACCOUNT: account_id, PROJECT, DEPLOYMENT, TOKEN, BASE } = process.env;
const { deployments } = new Cloudflare({ apiToken: TOKEN, baseURL: BASE }).pages.projects;
const names = { account_id, project_name: PROJECT };
const made = await deployments.retry(DEPLOYMENT, names);
for (;;) {
  const { latest_stage: stage } = await deployments.get(made.id, names);
  if (["failure", "canceled"].includes(stage.status)) process.exit(1);
  if (stage.name === "deploy" && stage.status === "success") break;
  await new Promise((resolve) => setTimeout(resolve, 5000));
}
