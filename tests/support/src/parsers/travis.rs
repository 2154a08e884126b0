//! Travis CI: folds and timers.

/// Returns the markers `travis_fold:start:NAME`, `travis_fold:end:NAME` and
/// `travis_time:…`, each up to a `\r`, anywhere in a line.
pub fn folds(log: &str) -> Vec<String> {
    let lower = log.to_ascii_lowercase();
    ["travis_fold:", "travis_time:"]
        .iter()
        .flat_map(|marker| lower.match_indices(marker))
        .map(|(at, _)| {
            let marker = &log[at..];
            let end = marker.find(['\r', '\n']).unwrap_or(marker.len());
            marker[..end].to_owned()
        })
        .collect()
}
