//! The reachability check: requests a deployment's addresses until each of
//! them serves the deployment.
//!
//! The pure modules decide: `address` which addresses there are, `response`
//! what they answered, `judge` whether that is good, `progress` what comes
//! next. Only `client` sends requests.

mod address;
mod client;
mod judge;
pub mod options;
mod progress;
mod response;
mod wording;

use std::future::{Future, poll_fn};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use url::Url;

use crate::check::address::addresses;
use crate::check::client::{CheckClient, Exchange};
use crate::check::judge::Demand;
use crate::check::options::Options;
use crate::check::progress::{Next, Progress};
use crate::check::wording::{Token, warnings};
use crate::cloudflare::Client;
use crate::cloudflare::connection::Connection;
use crate::cloudflare::deployment::{Deployment, StageName};
use crate::cloudflare::error::error_chain;
use crate::cloudflare::project::Project;
use crate::cloudflare::transport::Transport;
use crate::io::{Flow, Io, within};
use crate::run::event::{Event, Requested, StageEnd};
use crate::run::outcome::{Outcome, Phase};
use crate::run::reachability::{Reachability, Verdict};
use crate::text::inline;

/// Requests that run at the same time.
const MAX_CONCURRENT: usize = 16;

/// How long a round waits for its answers. One slow address must not keep the
/// others from being decided.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the project's addresses are requested, and how long to wait
/// where the API does not say.
const MAX_TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(2);

/// Checks whether `deployment`, which has succeeded, is reachable. Shows the
/// check as a stage, and warns of what remains unknown.
///
/// Breaks with an outcome if a signal arrives. If `timeout` expires, the check
/// ends with what is known by then.
///
/// # Errors
///
/// Fails if no HTTP client can be set up.
pub async fn run<T: Transport>(
    options: &Options,
    connection: &Connection,
    client: &Client<T>,
    deployment: &Deployment,
    io: &mut Io<'_>,
) -> anyhow::Result<Flow<Reachability>> {
    let name = StageName::Other("reachable".to_owned());
    io.phase = Phase::Checking;
    io.now_running("reachable");
    io.show(&Event::StageStarted {
        name: name.clone(),
        usually: None,
    });
    let started = io.elapsed();
    let project = match deployment.environment() {
        // A slow API must leave time for the addresses.
        Some("production") => match within(options.timeout / 4, project(client, io)).await {
            Some(ControlFlow::Continue(project)) => project,
            None | Some(ControlFlow::Break(Outcome::TimedOut { .. })) => {
                let message =
                    "the project's domains are not checked: the API did not list them in time";
                io.show(&Event::Warned {
                    message: message.to_owned(),
                });
                None
            }
            Some(ControlFlow::Break(outcome)) => return Ok(ControlFlow::Break(outcome)),
        },
        Some(_) | None => None,
    };
    let (addresses, unusable) = addresses(deployment, project.as_ref(), &options.path);
    for text in unusable {
        let message = format!(
            "not checked, because this is not an address: `{}`",
            inline(&text)
        );
        io.show(&Event::Warned { message });
    }
    let client = CheckClient::new(connection.clone(), options, &addresses)?;
    let demand = match options.text {
        Some(_) => Demand::Text,
        None => Demand::AnyText,
    };
    let mut progress = Progress::new(addresses, demand, options.timeout);
    let ended = {
        let mut check = Check {
            client: &client,
            started,
            timeout: options.timeout,
            io: &mut *io,
            requests: Vec::new(),
        };
        check.rounds(&mut progress).await
    };
    if let ControlFlow::Break(outcome @ Outcome::Interrupted { .. }) = ended {
        return Ok(ControlFlow::Break(outcome));
    }
    let reachability = progress.finish(io.elapsed().saturating_sub(started));
    io.show(&Event::StageFinished {
        name,
        end: match reachability.verdict() {
            Verdict::Reachable => StageEnd::Success,
            Verdict::Unreachable => StageEnd::Failure,
            Verdict::Unknown => StageEnd::Unknown,
        },
        took: reachability.took,
    });
    let token = match options.access {
        Some(_) => Token::Given,
        None => Token::Absent,
    };
    for message in warnings(&reachability, token) {
        io.show(&Event::Warned { message });
    }
    Ok(ControlFlow::Continue(reachability))
}

/// Reads the project's addresses. If they cannot be read, the check continues
/// without them.
async fn project<T: Transport>(client: &Client<T>, io: &mut Io<'_>) -> Flow<Option<Project>> {
    for tries in 1.. {
        let began = io.elapsed();
        let exchange = io.run_until_interrupted(client.project()).await?;
        let took = io.elapsed().saturating_sub(began);
        io.show(&Event::Requested(Requested::new(&exchange.meta, took)));
        let error = match exchange.result {
            Ok(project) => return ControlFlow::Continue(Some(project)),
            Err(error) => error,
        };
        let pause = error.retry_after().unwrap_or(PAUSE);
        if MAX_TRIES <= tries || !error.is_transient() || Duration::from_secs(30) < pause {
            let message = format!(
                "the production addresses of the project are not checked, because they could not be read: {}",
                error_chain(&error)
            );
            io.show(&Event::Warned { message });
            break;
        }
        io.sleep(pause).await?;
    }
    ControlFlow::Continue(None)
}

struct Check<'a, 'io> {
    client: &'a CheckClient,
    /// Since the run began.
    started: Duration,
    timeout: Duration,
    io: &'a mut Io<'io>,
    /// The requests that have not been answered, each with its address.
    requests: Vec<(usize, Request<'a>)>,
}

type Request<'a> = Pin<Box<dyn Future<Output = Answered> + 'a>>;

/// One request and what came of it.
struct Answered {
    index: usize,
    url: Url,
    /// When it was sent, since the run began.
    began: Duration,
    exchange: Exchange,
}

/// Whether there is time left.
type IsInTime = bool;

impl Check<'_, '_> {
    /// Sends round after round until all is decided or the time is up.
    async fn rounds(&mut self, progress: &mut Progress) -> Flow<()> {
        loop {
            if !self.round(progress).await? {
                break;
            }
            let Next::RoundIn(pause) = progress.round_ended(self.elapsed()) else {
                break;
            };
            let end = self.elapsed() + pause;
            while self.elapsed() < end && !self.requests.is_empty() {
                let limit = end.saturating_sub(self.elapsed());
                self.receive(progress, limit).await?;
            }
            let rest = end.min(self.timeout).saturating_sub(self.elapsed());
            self.io.sleep(rest).await?;
        }
        ControlFlow::Continue(())
    }

    /// Requests each address of a round once, and waits for the answers; an
    /// address that is slow answers in a later round.
    async fn round(&mut self, progress: &mut Progress) -> Flow<IsInTime> {
        let round = progress.round().into_iter();
        let is_unanswered = |index| self.requests.iter().any(|(it, _)| *it == index);
        let round = round.filter(|(index, _)| !is_unanswered(*index));
        let round: Vec<_> = round.map(|(index, it)| (index, it.url.clone())).collect();
        let mut waiting = round.into_iter();
        let end = self.elapsed() + PATIENCE;
        loop {
            while self.requests.len() < MAX_CONCURRENT
                && let Some((index, url)) = waiting.next()
            {
                self.send(index, url);
            }
            let limit = match waiting.len() {
                0 => end.saturating_sub(self.elapsed()),
                _ => self.timeout,
            };
            if self.timeout <= self.elapsed() {
                return ControlFlow::Continue(false);
            }
            if self.requests.is_empty() || limit.is_zero() {
                return ControlFlow::Continue(true);
            }
            self.receive(progress, limit).await?;
        }
    }

    fn send(&mut self, index: usize, url: Url) {
        let began = self.io.elapsed();
        let client = self.client;
        let request = async move {
            Answered {
                index,
                exchange: client.get(url.clone()).await,
                url,
                began,
            }
        };
        self.requests.push((index, Box::pin(request)));
    }

    /// Takes in the next answer, if one comes within `limit` and in time.
    async fn receive(&mut self, progress: &mut Progress, limit: Duration) -> Flow<()> {
        let limit = limit.min(self.timeout.saturating_sub(self.elapsed()));
        let requests = &mut self.requests;
        let next = poll_fn(|context| {
            for at in 0..requests.len() {
                if let Poll::Ready(answered) = requests[at].1.as_mut().poll(context) {
                    drop(requests.swap_remove(at));
                    return Poll::Ready(answered);
                }
            }
            Poll::Pending
        });
        let Some(answered) = self.io.run_until_interrupted(within(limit, next)).await? else {
            return ControlFlow::Continue(());
        };
        self.io.show(&Event::Requested(Requested {
            method: "GET",
            route: answered.url.into(),
            status: answered.exchange.status,
            took: self.io.elapsed().saturating_sub(answered.began),
            cf_ray: answered.exchange.cf_ray,
        }));
        progress.answered(answered.index, self.elapsed(), answered.exchange.answer);
        ControlFlow::Continue(())
    }

    /// Since the check started.
    fn elapsed(&self) -> Duration {
        self.io.elapsed().saturating_sub(self.started)
    }
}
