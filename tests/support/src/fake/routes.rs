//! The regular response of each route.

use std::cmp::Reverse;
use std::time::Duration;

use serde_json::{Value, json};

use super::api::{Api, EMAIL, KEY};
use super::deployment::{Deployment, delta, full_id};
use super::life::Life;
use super::request::{Reply, Request, Route};
use super::wire::PROJECT_ID;

/// The default and maximum page size of the API.
const PER_PAGE: usize = 25;

impl Api {
    /// Handles a request with its effects and returns the regular response.
    pub(super) fn respond(&mut self, request: &Request) -> Reply {
        let refusal = self
            .authentication(request)
            .or_else(|| self.address(request));
        if let Some(refusal) = refusal {
            return refusal;
        }
        let (route, id) = Route::of(request);
        let known = id.and_then(|id| self.find(id));
        match (route, known) {
            (Route::Get, Some((deployment, age))) => {
                self.success(&deployment.json(&self.project, age))
            }
            (Route::Logs, Some((deployment, age))) => {
                let size = request.parameter("size").and_then(|it| it.parse().ok());
                self.success(&deployment.log(age, size))
            }
            (Route::Retry, Some((original, _))) => self.retry(&original),
            (Route::Get | Route::Logs | Route::Retry, None) => unknown_deployment(),
            (Route::List, _) => self.list(request),
            (Route::Project, _) => self.show_project(),
            (Route::Projects, _) => self.success(&json!([{ "name": self.project.name }])),
            (Route::Other, _) => Reply::error(405, 10405, "Method not allowed"),
        }
    }

    fn authentication(&self, request: &Request) -> Option<Reply> {
        if let Some(authorization) = request.header("authorization") {
            let token = authorization.strip_prefix("Bearer ");
            return match token {
                Some(token) if token == self.token => None,
                Some(_) => Some(Reply::error(403, 10000, "Authentication error")),
                None => Some(Reply::errors(
                    400,
                    &json!([{
                        "code": 6003,
                        "message": "Invalid request headers",
                        "error_chain": [{
                            "code": 6111,
                            "message": "Invalid format for Authorization header",
                        }],
                    }]),
                )),
            };
        }
        match (request.header("x-auth-email"), request.header("x-auth-key")) {
            (Some(email), Some(key)) if email == EMAIL && key == KEY => None,
            (Some(_), Some(_)) => Some(Reply::error(403, 10000, "Authentication error")),
            _ => {
                let message = "Missing X-Auth-Key, X-Auth-Email or Authorization headers";
                Some(Reply::error(400, 9106, message))
            }
        }
    }

    /// Returns an error unless account, project and path exist.
    fn address(&self, request: &Request) -> Option<Reply> {
        let no_route = |path: &str| {
            let message =
                format!("Could not route to {path}, perhaps your object identifier is invalid?");
            let errors = json!([
                { "code": 7003, "message": message },
                { "code": 7000, "message": "No route for that URI" },
            ]);
            Reply::errors(404, &errors)
        };
        let path = request.path.strip_prefix("/client/v4");
        let Some(path) = path else {
            return Some(no_route(&request.path));
        };
        let segments: Vec<_> = path.trim_start_matches('/').split('/').collect();
        let ["accounts", account, "pages", "projects", rest @ ..] = &*segments else {
            return Some(no_route(path));
        };
        if *account != self.project.account {
            return Some(no_route(path));
        }
        if rest.first().is_some_and(|it| *it != self.project.name) {
            let message = "Project not found. The specified project name does not match any of \
                           your existing projects.";
            return Some(Reply::error(404, 8_000_007, message));
        }
        None
    }

    /// The deployment that a GET by its full id returns now, and its age.
    fn find(&self, id: &str) -> Option<(Deployment, Duration)> {
        let deployment = self.deployments.iter().find(|it| it.id == id)?;
        let age = deployment.age(self.now)?;
        (self.get_lag <= age && !deployment.is_deleted(age)).then(|| (deployment.clone(), age))
    }

    /// The deployments that the list shows now, newest first.
    fn listed(&self) -> Vec<(&Deployment, Duration)> {
        let deployments = self.deployments.iter();
        let born = deployments.filter_map(|it| Some((it, it.age(self.now)?)));
        let mut listed: Vec<_> = born
            .filter(|(it, age)| self.list_lag <= *age && !it.is_deleted(*age))
            .collect();
        // If two were created at the same time, the one added later counts as newer.
        listed.reverse();
        listed.sort_by_key(|(deployment, _)| Reverse(deployment.created));
        listed
    }

    fn list(&self, request: &Request) -> Reply {
        let number = |name, default| match request.parameter(name) {
            Some(text) => text.parse().ok().filter(|it| *it != 0),
            None => Some(default),
        };
        let per_page = number("per_page", PER_PAGE).filter(|it| *it <= PER_PAGE);
        let (Some(page), Some(per_page)) = (number("page", 1), per_page) else {
            let message =
                "Invalid list options provided. Review the `page` or `per_page` parameter.";
            return Reply::error(400, 8_000_024, message);
        };
        let paging = self.paging;
        let per_page = per_page.min(paging.max_rows);
        let page = if paging.is_stuck { 1 } else { page };
        let environment = request.parameter("env");
        let is_asked = |it: &Deployment| environment.is_none_or(|env| it.environment == env);
        let mut listed = self.listed();
        if !paging.filters_pages {
            listed.retain(|(it, _)| is_asked(it));
        }
        let total = listed.len();
        let shown = listed.iter().skip((page - 1) * per_page).take(per_page);
        let shown: Vec<_> = shown
            .filter(|(it, _)| is_asked(it))
            .map(|(it, age)| it.json(&self.project, *age))
            .collect();
        let mut body = self.envelope(&json!(shown));
        if paging.has_info {
            body["result_info"] = json!({
                "page": page,
                "per_page": per_page,
                "count": shown.len(),
                "total_count": total,
                "total_pages": total.div_ceil(per_page),
            });
        }
        Reply::json(200, &body)
    }

    fn retry(&mut self, original: &Deployment) -> Reply {
        if original.is_upload() {
            // The response of the live API is not known; there is nothing to rebuild.
            return Reply::error(400, 8_000_099, "This deployment cannot be retried.");
        }
        let now = delta(self.now);
        let life = if self.lives.len() < 2 {
            self.lives.front().cloned()
        } else {
            self.lives.pop_front()
        };
        let id = self
            .ids
            .pop_front()
            .unwrap_or_else(|| full_id(&format!("{:08x}", 0x9a8b_7c6d + self.made.len())));
        let mut deployment = original.clone();
        deployment.id.clone_from(&id);
        deployment.created = now;
        deployment.life = life.unwrap_or_else(Life::success);
        if let Some(trigger) = &self.retry_trigger {
            deployment.trigger.clone_from(trigger);
        }
        let reply = self.success(&deployment.json(&self.project, Duration::ZERO));
        self.made.push(id);
        self.add(deployment);
        reply
    }

    fn show_project(&self) -> Reply {
        let listed = self.listed();
        let show = |found: Option<&(&Deployment, Duration)>| {
            found.map(|(it, age)| it.json(&self.project, *age))
        };
        let pages_dev = [format!("{}.pages.dev", self.project.subdomain)];
        let domains = match self.project.domains.as_slice() {
            [] => &pages_dev[..],
            domains => domains,
        };
        let canonical = listed.iter().find(|(it, _)| it.environment == "production");
        self.success(&json!({
            "id": PROJECT_ID,
            "name": self.project.name,
            "subdomain": domains[0],
            "domains": domains,
            "production_branch": "main",
            "latest_deployment": show(listed.first()),
            "canonical_deployment": show(canonical),
        }))
    }

    fn success(&self, result: &Value) -> Reply {
        Reply::json(200, &self.envelope(result))
    }

    fn envelope(&self, result: &Value) -> Value {
        json!({ "result": result, "success": true, "errors": [], "messages": self.messages })
    }
}

fn unknown_deployment() -> Reply {
    let message = "The deployment ID you have specified does not exist. Update the deployment ID \
                   and try again. ";
    Reply::error(404, 8_000_009, message)
}
