//! Writes the log on a thread of its own, so that a reader of stdout that has
//! stalled delays nothing but the log.

#![expect(
    clippy::disallowed_methods,
    reason = "waits for the reader, and for how long"
)]

use std::io::{self, ErrorKind, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::Hurry;

/// How long a reader that takes nothing is waited for at the end.
const STALL_LIMIT: Duration = Duration::from_secs(5);

/// How long any reader is waited for at the end.
const DRAIN_LIMIT: Duration = Duration::from_mins(1);

/// How long to wait for the log's reader after a signal that requests a fast exit.
const GRACE: Duration = Duration::from_millis(500);

/// How many bytes are written at once; a larger piece would be no progress for
/// long.
const PIECE: usize = 1 << 16;

/// How often a stdout that does not block is tried again.
const AGAIN: Duration = Duration::from_millis(10);

/// Writes to stdout in order, without ever waiting for its reader. All clones
/// are one writer; what one of them wrote is sent by its `flush`.
#[derive(Clone)]
pub struct LogWriter {
    buffer: Vec<u8>,
    /// `None` where there is no thread: then `flush` writes by itself.
    sender: Option<mpsc::Sender<Vec<u8>>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Progress {
    /// Bytes sent to the thread and not written yet.
    pending: usize,
    /// Nobody reads any more: what comes is dropped.
    is_closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

impl LogWriter {
    /// Starts the thread. Where the system has no resources left for one, the
    /// log is written directly.
    pub fn start() -> Self {
        let (sender, receiver) = mpsc::channel();
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_all(&receiver, &mut io::stdout(), &of_thread));
        Self {
            buffer: Vec::new(),
            sender: thread.is_ok().then_some(sender),
            shared,
        }
    }

    /// Waits until the reader has everything: for at most [`STALL_LIMIT`]
    /// while it takes nothing, and in a hurry [`GRACE`].
    pub fn drain(&self, hurry: &Hurry) {
        self.drain_while(|elapsed| hurry.may_take(elapsed, GRACE));
    }

    fn drain_while(&self, may_wait: impl Fn(Duration) -> bool) {
        let began = Instant::now();
        let mut progress = self.shared.lock();
        let (mut last, mut last_at) = (*progress, began);
        while progress.pending != 0 && !progress.is_closed {
            if *progress != last {
                (last, last_at) = (*progress, Instant::now());
            }
            if STALL_LIMIT <= last_at.elapsed()
                || DRAIN_LIMIT <= began.elapsed()
                || !may_wait(began.elapsed())
            {
                return;
            }
            let slice = Duration::from_millis(20);
            let waited = self.shared.changed.wait_timeout(progress, slice);
            progress = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let bytes = mem::take(&mut self.buffer);
        let Some(sender) = &self.sender else {
            io::stdout().write_all(&bytes)?;
            return io::stdout().flush();
        };
        if bytes.is_empty() || self.shared.lock().is_closed {
            return Ok(());
        }
        self.shared.change(|it| it.pending += bytes.len());
        // The thread receives as long as there is a sender.
        let _ = sender.send(bytes);
        Ok(())
    }
}

/// Writes what comes, until nobody reads it or nobody sends any more.
fn write_all(receiver: &mpsc::Receiver<Vec<u8>>, out: &mut impl Write, shared: &Shared) {
    for mut bytes in receiver {
        // Many short lines that wait are written as one piece.
        while bytes.len() < PIECE
            && let Ok(more) = receiver.try_recv()
        {
            bytes.extend(more);
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let piece = &rest[..rest.len().min(PIECE)];
            match write_and_flush(out, piece) {
                Ok(written) => {
                    rest = &rest[written..];
                    shared.change(|it| it.pending -= written);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(AGAIN),
                Err(_) => {
                    shared.change(|it| it.is_closed = true);
                    return;
                }
            }
        }
    }
}

fn write_and_flush(out: &mut impl Write, bytes: &[u8]) -> io::Result<usize> {
    let written = out.write(bytes)?;
    if written == 0 {
        return Err(ErrorKind::WriteZero.into());
    }
    loop {
        match out.flush() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(AGAIN),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result.map(|()| written),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes three bytes at a time, and only at every second try.
    struct Slow {
        taken: Vec<u8>,
        tries: u32,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.tries += 1;
            if self.tries % 2 == 1 {
                return Err(ErrorKind::WouldBlock.into());
            }
            let taken = &bytes[..bytes.len().min(3)];
            self.taken.extend_from_slice(taken);
            Ok(taken.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_slow_reader_gets_everything_in_order() {
        let (sender, receiver) = mpsc::channel();
        for part in ["one ", "two ", "three"] {
            sender.send(part.as_bytes().to_vec()).unwrap();
        }
        drop(sender);
        let shared = Shared::default();
        shared.change(|it| it.pending = 13);
        let mut out = Slow {
            taken: Vec::new(),
            tries: 0,
        };
        write_all(&receiver, &mut out, &shared);
        assert_eq!(out.taken, b"one two three");
        assert_eq!(shared.lock().pending, 0);
    }

    #[test]
    fn what_nobody_reads_is_dropped() {
        let (sender, receiver) = mpsc::channel();
        let shared = Arc::new(Shared::default());
        let mut writer = LogWriter {
            buffer: Vec::new(),
            sender: Some(sender),
            shared: Arc::clone(&shared),
        };
        writer.write_all(b"line").unwrap();
        writer.flush().unwrap();
        // A slice that is full takes nothing.
        write_all(&receiver, &mut &mut [][..], &shared);
        assert!(shared.lock().is_closed);
        writer.drain_while(|_| true);
        writer.write_all(b"more").unwrap();
        writer.flush().unwrap();
        assert_eq!(shared.lock().pending, 4);
    }

    #[test]
    fn a_reader_that_has_stalled_is_left_when_the_caller_says_so() {
        let (sender, _receiver) = mpsc::channel();
        let mut writer = LogWriter {
            buffer: Vec::new(),
            sender: Some(sender),
            shared: Arc::default(),
        };
        writer.write_all(b"line").unwrap();
        writer.flush().unwrap();
        writer.drain_while(|_| false);
        assert_eq!(writer.shared.lock().pending, 4);
    }
}
