//! A Pages project, as far as its addresses are concerned.

use serde_json::Value;

/// `GET …/pages/projects/{name}`. No field is needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Project {
    /// `site-1x2.pages.dev`: it may differ from the project's name.
    pub subdomain: Option<String>,
    /// That one and the custom domains, whether active or not.
    pub domains: Vec<String>,
}

impl From<&Value> for Project {
    fn from(project: &Value) -> Self {
        let text = |it: &Value| it.as_str().map(str::to_owned);
        let domains = project["domains"].as_array().into_iter().flatten();
        Self {
            subdomain: text(&project["subdomain"]),
            domains: domains.filter_map(text).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn invalid_fields_leave_a_project_readable() {
        let project = Project::from(&json!({
            "name": "site",
            "subdomain": "site.pages.dev",
            "domains": ["site.pages.dev", 5, "example.com"],
        }));
        assert_eq!(project.subdomain.as_deref(), Some("site.pages.dev"));
        assert_eq!(project.domains, ["site.pages.dev", "example.com"]);
        for odd in [json!({"domains": null}), json!([]), json!(5)] {
            assert_eq!(Project::from(&odd), Project::default());
        }
    }
}
