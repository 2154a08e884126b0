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

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::check::address::{Address, addresses};
use crate::check::client::{CheckClient, Exchange};
use crate::check::judge::Demand;
use crate::check::options::Options;
use crate::check::progress::{Next, Progress};
use crate::check::wording::{Token, warnings};
use crate::cloudflare::connection::Connection;
use crate::cloudflare::deployment::{Deployment, StageName};
use crate::cloudflare::transport::Transport;
use crate::cloudflare::{Client, Project};
use crate::io::{Flow, Io};
use crate::run::event::{Event, Requested, StageEnd};
use crate::run::outcome::{Outcome, Phase};
use crate::run::reachability::{Reachability, Verdict};
use crate::text::inline;

/// Requests that run at the same time.
const MAX_CONCURRENT: usize = 16;

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
        Some("production") => match project(client, io).await {
            ControlFlow::Continue(project) => project,
            ControlFlow::Break(Outcome::TimedOut { .. }) => None,
            ControlFlow::Break(outcome) => return Ok(ControlFlow::Break(outcome)),
        },
        Some(_) | None => None,
    };
    let (addresses, unusable) = addresses(deployment, project.as_ref(), &options.path);
    for text in unusable {
        let message = format!("not checked, because this is not an address: `{}`", inline(&text));
        io.show(&Event::Warned { message });
    }
    let client = CheckClient::new(connection.clone(), options, &addresses)?;
    let demand = match options.text {
        Some(_) => Demand::Text,
        None => Demand::AnyText,
    };
    let mut progress = Progress::new(addresses, demand, options.timeout);
    let mut check = Check {
        client: Arc::new(client),
        started,
        timeout: options.timeout,
        io,
    };
    // Without a break the requests are used up.
    if let ControlFlow::Break(outcome @ Outcome::Interrupted { .. }) = check.rounds(&mut progress).await
    {
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

/// Reads the project's addresses. If they cannot be read, the check goes on
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
                "the production addresses of the project are not checked, because they could not be read: {error}"
            );
            io.show(&Event::Warned { message });
            break;
        }
        io.sleep(pause).await?;
    }
    ControlFlow::Continue(None)
}

struct Check<'a, 'io> {
    client: Arc<CheckClient>,
    /// Since the run began.
    started: Duration,
    timeout: Duration,
    io: &'a mut Io<'io>,
}

impl Check<'_, '_> {
    /// Sends round after round until all is decided or the time is up.
    async fn rounds(&mut self, progress: &mut Progress) -> Flow<()> {
        loop {
            if self.round(progress).await?.is_none() {
                return ControlFlow::Continue(());
            }
            let Next::RoundIn(pause) = progress.round_ended(self.elapsed()) else {
                return ControlFlow::Continue(());
            };
            let left = self.left();
            self.io.sleep(pause.min(left)).await?;
            if left <= pause {
                return ControlFlow::Continue(());
            }
        }
    }

    /// Requests each address of a round once; `None` if the time is up.
    async fn round(&mut self, progress: &mut Progress) -> Flow<Option<()>> {
        let round = progress.round();
        let requests = round.into_iter().map(|(index, address)| (index, address.clone()));
        let mut waiting = requests.collect::<Vec<_>>().into_iter();
        let mut running = JoinSet::new();
        loop {
            while running.len() < MAX_CONCURRENT
                && let Some((index, address)) = waiting.next()
            {
                let request = request(Arc::clone(&self.client), address.clone());
                let began = self.io.elapsed();
                running.spawn(async move { (index, address, began, request.await) });
            }
            let left = self.left();
            let Some(answered) = self.io.run_for(left, running.join_next()).await? else {
                return ControlFlow::Continue(None);
            };
            let Some(answered) = answered else {
                return ControlFlow::Continue(Some(()));
            };
            // A request that panicked is one without an answer.
            let Ok((index, address, began, exchange)) = answered else {
                continue;
            };
            self.io.show(&Event::Requested(Requested {
                method: "GET",
                route: address.url.into(),
                status: exchange.status,
                took: self.io.elapsed().saturating_sub(began),
                cf_ray: exchange.cf_ray,
            }));
            progress.answered(index, self.elapsed(), exchange.answer);
        }
    }

    fn elapsed(&self) -> Duration {
        self.io.elapsed().saturating_sub(self.started)
    }

    fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.elapsed())
    }
}

async fn request(client: Arc<CheckClient>, address: Address) -> Exchange {
    client.get(address.url).await
}
