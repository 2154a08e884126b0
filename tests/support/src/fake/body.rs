//! Response bodies that are complete, partial, or huge.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::request::Taken;

static CHUNK: [u8; 64 * 1024] = [b' '; 64 * 1024];

pub(super) enum Sent {
    Whole(Bytes),
    /// Half of `promised` bytes; then the connection stays open without data.
    Stalling {
        rest: Bytes,
        promised: u64,
    },
    /// Half of `promised` bytes; then the connection is closed.
    Breaking {
        rest: Bytes,
        promised: u64,
        is_flushed: bool,
    },
    Huge {
        left: u64,
        taken: Taken,
    },
}

impl Sent {
    pub(super) fn whole(whole: &[u8]) -> Self {
        Self::Whole(Bytes::copy_from_slice(whole))
    }

    pub(super) fn stalling(whole: &[u8]) -> Self {
        let (rest, promised) = half(whole);
        Self::Stalling { rest, promised }
    }

    pub(super) fn breaking(whole: &[u8]) -> Self {
        let (rest, promised) = half(whole);
        Self::Breaking {
            rest,
            promised,
            is_flushed: false,
        }
    }
}

/// Returns half of a body, and the length to announce, which is always greater.
fn half(whole: &[u8]) -> (Bytes, u64) {
    let half = Bytes::copy_from_slice(&whole[..whole.len() / 2]);
    (half, (whole.len() as u64).max(1))
}

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let frame = |bytes: &mut Bytes| {
            let bytes = std::mem::take(bytes);
            (!bytes.is_empty()).then(|| Ok(Frame::data(bytes)))
        };
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(frame(bytes)),
            Self::Stalling { rest, .. } => match frame(rest) {
                Some(frame) => Poll::Ready(Some(frame)),
                None => Poll::Pending,
            },
            Self::Breaking {
                rest, is_flushed, ..
            } => match frame(rest) {
                Some(frame) => Poll::Ready(Some(frame)),
                // The server flushes its buffer whenever the body is pending.
                None if !*is_flushed => {
                    *is_flushed = true;
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
                None => Poll::Ready(Some(Err(io::Error::other("broken off on purpose")))),
            },
            Self::Huge { left: 0, .. } => Poll::Ready(None),
            Self::Huge { left, taken } => {
                let size = usize::try_from(*left).map_or(CHUNK.len(), |it| it.min(CHUNK.len()));
                *left -= size as u64;
                taken.add(size as u64);
                let chunk = Bytes::from_static(&CHUNK[..size]);
                Poll::Ready(Some(Ok(Frame::data(chunk))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Huge { left, .. } => *left == 0,
            Self::Stalling { .. } | Self::Breaking { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stalling { promised, .. } | Self::Breaking { promised, .. } => {
                SizeHint::with_exact(*promised)
            }
            // Sent in chunks, so the client does not know the length in advance.
            Self::Huge { .. } => SizeHint::default(),
        }
    }
}
