//! A company's own certificate authorities, from `SSL_CERT_FILE` and
//! `SSL_CERT_DIR`.
//!
//! Invariant: what cannot be read is a warning and not an error, since the
//! built-in roots may suffice; and neither a FIFO nor a folder such as `/proc`
//! holds up the run or fills memory.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// How long a file or a folder may take to be read.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of a file; the usual bundle of all public authorities has 200 KB.
const MAX_FILE: u64 = 16 << 20;

/// Entries of a folder; the usual one has 300.
const MAX_ENTRIES: usize = 5_000;

/// The certificates that were found, and what could not be read.
#[derive(Debug, Default)]
pub(super) struct OwnRoots {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) warnings: Vec<String>,
}

/// Reads the file and the folders, where they are given. `dirs` is a list as
/// in `PATH`.
pub(super) fn read(file: Option<&Path>, dirs: Option<&Path>) -> OwnRoots {
    let mut roots = OwnRoots::default();
    if let Some(file) = file.map(Path::to_owned) {
        roots.add("SSL_CERT_FILE", file, read_file);
    }
    for dir in dirs.into_iter().flat_map(std::env::split_paths) {
        if !dir.as_os_str().is_empty() {
            roots.add("SSL_CERT_DIR", dir, read_dir);
        }
    }
    roots
}

/// What a file or a folder holds: certificates, and whether anything in it is
/// not one.
type Found = (Vec<CertificateDer<'static>>, bool);

impl OwnRoots {
    /// Reads `path` on a thread, which is left behind where it takes too long.
    fn add(&mut self, variable: &str, path: PathBuf, read: fn(&Path) -> io::Result<Found>) {
        let shown = path.display().to_string();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || sender.send(read(&path)));
        let problem = match receiver.recv_timeout(READ_TIMEOUT) {
            Ok(Ok((certificates, is_odd))) => {
                let is_empty = certificates.is_empty();
                self.certificates.extend(certificates);
                match (is_empty, is_odd) {
                    (false, false) => return,
                    (true, _) => "holds no certificate".to_owned(),
                    (false, true) => "holds something that is not a certificate".to_owned(),
                }
            }
            Ok(Err(error)) => format!("cannot be read: {error}"),
            Err(_) => "cannot be read: it takes too long".to_owned(),
        };
        self.warnings.push(format!(
            "`{variable}` (`{shown}`) {problem}; the built-in certificate authorities are trusted"
        ));
    }
}

/// Reads one file, which may be a FIFO.
fn read_file(path: &Path) -> io::Result<Found> {
    let mut text = Vec::new();
    File::open(path)?.take(MAX_FILE).read_to_end(&mut text)?;
    let mut found = Found::default();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        match certificate {
            Ok(certificate) => found.0.push(certificate),
            Err(_) => found.1 = true,
        }
    }
    Ok(found)
}

/// Reads the files of a folder, as `openssl rehash` makes one.
fn read_dir(path: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    for entry in fs::read_dir(path)?.take(MAX_ENTRIES) {
        let path = entry?.path();
        // A link may lead nowhere. What has no size, as in `/proc`, or an
        // absurd one, as a device, may never come to an end.
        let is_readable = |it: &fs::Metadata| it.is_file() && (1..=MAX_FILE).contains(&it.len());
        if !fs::metadata(&path).is_ok_and(|it| is_readable(&it)) {
            continue;
        }
        match read_file(&path) {
            Ok((certificates, is_odd)) => {
                found.0.extend(certificates);
                found.1 |= is_odd;
            }
            Err(_) => found.1 = true,
        }
    }
    // The same certificate has a link for each of its names.
    found.0.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
    found.0.dedup();
    Ok(found)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test writes its files")]
mod tests {
    use super::*;

    const BAD: &str = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";

    fn pem(text: &str) -> String {
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    }

    /// How many certificates are found, and the warnings.
    #[track_caller]
    fn check(file: Option<&Path>, dir: Option<&Path>, certificates: usize, warnings: &[&str]) {
        let roots = read(file, dir);
        assert_eq!(roots.certificates.len(), certificates, "{roots:?}");
        assert_eq!(roots.warnings.len(), warnings.len(), "{roots:?}");
        for (found, expected) in roots.warnings.iter().zip(warnings) {
            assert!(found.contains(expected), "{found}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_a_warning_beside_what_can() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let [good, bad, none] = ["good.pem", "bad.pem", "none.pem"].map(at);
        fs::write(&good, pem("AAAA") + &pem("AAAB")).unwrap();
        fs::write(&bad, pem("AAAC") + BAD).unwrap();
        fs::write(&none, "no certificate").unwrap();
        let missing = at("missing");
        check(None, None, 0, &[]);
        check(Some(&good), None, 2, &[]);
        check(Some(&bad), None, 1, &["`SSL_CERT_FILE` (`"]);
        check(Some(&none), None, 0, &["holds no certificate"]);
        check(Some(&missing), None, 0, &["missing`) cannot be read: "]);
        check(Some(folder.path()), None, 0, &["cannot be read: "]);
        let dir = Some(folder.path());
        check(None, dir, 3, &["`SSL_CERT_DIR` (`"]);
        check(Some(&missing), dir, 3, &["SSL_CERT_FILE", "SSL_CERT_DIR"]);
        fs::remove_file(&bad).unwrap();
        std::os::unix::fs::symlink(&good, at("0a1b2c3d.0")).unwrap();
        std::os::unix::fs::symlink("nowhere", at("0a1b2c3e.0")).unwrap();
        check(None, dir, 2, &[]);
        let list = format!("{}::{}", missing.display(), folder.path().display());
        check(
            None,
            Some(Path::new(&list)),
            2,
            &["missing`) cannot be read"],
        );
    }

    #[test]
    fn what_never_ends_is_left() {
        let folders = [Path::new("/proc"), Path::new("/dev")];
        for folder in folders {
            check(None, Some(folder), 0, &["SSL_CERT_DIR"]);
        }
        check(Some(Path::new("/dev/zero")), None, 0, &["SSL_CERT_FILE"]);
    }
}
