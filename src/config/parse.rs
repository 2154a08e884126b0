//! One function per kind of value. Each error says what is wrong and what
//! would be right, and never holds the value of a secret.

use std::time::Duration;

use url::{Host, Url};

pub(super) const THIRTY_DAYS: Duration = Duration::from_hours(30 * 24);

/// As GitHub's own toolkit reads them.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" | "True" | "TRUE" => Ok(true),
        "false" | "False" | "FALSE" => Ok(false),
        _ => Err(format!("is not a boolean: `{text}`; use `true` or `false`")),
    }
}

pub(super) fn at_least_one(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!(
            "is not a whole number of at least 1: `{text}`; use `1`, `2`, `3`"
        )),
        Ok(number) => Ok(number),
    }
}

/// Reads `90s`, `45m`, `1h30m` or seconds: at least one, at most 30 days.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map(Duration::from_secs);
    let Ok(duration) = seconds.or_else(|_| humantime::parse_duration(text)) else {
        return Err(format!(
            "is not a duration: `{text}`; use `90s`, `45m`, `1h30m`, or seconds"
        ));
    };
    if duration < Duration::from_secs(1) || THIRTY_DAYS < duration {
        return Err(format!(
            "is out of range: `{text}`; use a time from `1s` to `30days`"
        ));
    }
    Ok(duration)
}

/// One of `words`.
pub(super) fn word<'a>(text: &str, words: &[&'a str]) -> Result<&'a str, String> {
    let found = words.iter().find(|it| **it == text);
    found.copied().ok_or_else(|| {
        format!(
            "is not known: `{text}`; use one of `{}`",
            words.join("`, `")
        )
    })
}

/// A list of `words`, or `none`.
pub(super) fn list<'a>(text: &str, words: &[&'a str]) -> Result<Vec<&'a str>, String> {
    if text == "none" {
        return Ok(Vec::new());
    }
    let items = text.split(',').map(str::trim).filter(|it| !it.is_empty());
    // Both spellings are English.
    let items = items.map(|it| match it {
        "cancelled" => "canceled",
        _ => it,
    });
    let items: Result<Vec<_>, _> = items.map(|it| word(it, words)).collect();
    let items = items.map_err(|it| format!("{it}, separated by commas, or `none` alone"))?;
    if items.is_empty() {
        return Err("names no ending; use `none` to let every ending pass".to_owned());
    }
    Ok(items)
}

/// An id: letters, digits, `-` and `_`, lower-cased. Its length is not
/// checked: real ids are longer than the API's reference allows.
pub(super) fn id(text: &str) -> Result<String, String> {
    let is_good = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_');
    if text.chars().all(is_good) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!(
            "is not an id: `{text}`; only letters, digits, `-` and `_` can be in it"
        ))
    }
}

pub(super) fn project_name(text: &str) -> Result<String, String> {
    let is_good = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
    if text.chars().all(is_good) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "is not the name of a Pages project: `{text}`; only `a` to `z`, digits and `-` can be in it"
        ))
    }
}

pub(super) fn commit_hash(text: &str) -> Result<String, String> {
    if (7..=40).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_hexdigit()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!(
            "is not a commit hash: `{text}`; use 7 to 40 hexadecimal digits"
        ))
    }
}

/// A secret that can travel in a header. The error never shows it.
pub(super) fn secret(text: &str) -> Result<(), String> {
    let is_good = |it: u8| it.is_ascii_graphic();
    if text.bytes().any(|it| matches!(it, b'\n' | b'\r')) {
        Err("holds a line break; paste the bare value, on one line".to_owned())
    } else if !text.is_ascii() {
        Err("holds a character that is not ASCII; paste the bare value".to_owned())
    } else if !text.bytes().all(is_good) {
        Err(
            "holds a space or a control character; paste the bare value, without `Bearer`"
                .to_owned(),
        )
    } else {
        Ok(())
    }
}

/// The URL of a proxy; without a scheme it is `http`. The error never shows
/// it: a password may be in it.
pub(super) fn proxy(text: &str) -> Result<String, String> {
    let example = "use `http://proxy.example:3128`";
    let url = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let Ok(parsed) = Url::parse(&url) else {
        return Err(format!("is not the URL of a proxy; {example}"));
    };
    match parsed.scheme() {
        "http" | "https" => Ok(url),
        scheme => Err(format!(
            "is a proxy of a kind that is not supported: `{scheme}`; {example}"
        )),
    }
}

/// The API's base URL, without a slash at its end.
pub(super) fn base_url(text: &str) -> Result<String, String> {
    let example = "use `https://api.cloudflare.com/client/v4`";
    let Ok(url) = Url::parse(text) else {
        return Err(format!("is not a URL; {example}"));
    };
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback) {
        return Err(format!(
            "must begin with https, except on a loopback address; {example}"
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("holds a user name or a password; {example}"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("holds a `?` or a `#`; {example}"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}
