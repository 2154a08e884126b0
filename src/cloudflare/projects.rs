//! The names of an account's projects, for a suggestion.

use serde_json::Value;

use super::error::ClientError;
use super::transport::{Method, Transport};
use super::{Client, read};
use crate::text::inline;

impl<T: Transport> Client<T> {
    /// `GET …/pages/projects`: the names on the first page, sanitized. The
    /// page's size is left to the API, which rejects more than ten.
    ///
    /// # Errors
    ///
    /// Fails if the API does not give the list.
    pub async fn project_names(&self) -> Result<Vec<String>, ClientError> {
        let mut request = self.request(Method::Get, "");
        if let Some((account, _)) = request.path.split_once("/projects/") {
            request.path = format!("{account}/projects");
        }
        let (_, answer) = self.send(request, String::new()).await;
        let (rows, _) = read::<Vec<Value>, _>(answer?).await?;
        let names = rows.iter().filter_map(|it| it.get("name")?.as_str());
        Ok(names.map(inline).collect())
    }
}
