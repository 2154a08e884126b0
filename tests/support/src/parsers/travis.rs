//! Travis CI: folds and timers.

/// `travis_fold:start:NAME`, `travis_fold:end:NAME`, `travis_time:…`, each
/// before a `\r`; the markers are matched anywhere.
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
