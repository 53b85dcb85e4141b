//! The one loop: events and DNS answers in, publications out.
//!
//! ```text
//!   source ─ Batch ─┐                 ┌─ publish ─▶ gateways
//!   dns ── Answer ──┼─▶ store ─▶ translate
//!   clock ──────────┘                 └─ problems ─▶ log, metric
//! ```
//!
//! The first change goes out at once. While changes keep coming, publications are at least [`HOLD_OFF`] apart, and
//! never further apart than that plus one batch: a storm is gathered, nobody is starved.

use crate::dns::{Answer, Names};
use crate::health;
use crate::metrics::{KindLabel, Metrics};
use crate::object::ObjectKey;
use crate::outputs::{OutputOptions, Outputs};
use crate::problem_log::ProblemLog;
use crate::publish::{BindError, Limits, Publisher, Socket};
use crate::source::cluster::client::{ClientError, ClientOptions, client};
use crate::source::{self, Batch, Event, cluster, file};
use crate::store::{Options, Store};
use crate::translate::{Change, Translator};
use futures_util::future::OptionFuture;
use std::collections::BTreeSet;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// The shortest time between two publications.
pub const HOLD_OFF: Duration = Duration::from_millis(10);

/// How long the first publication waits for the first answers to DNS names: a gateway that already has addresses
/// should not lose them to a controller that just started.
const FIRST_ANSWERS: Duration = Duration::from_secs(2);

/// How often time itself is a reason to translate: certificates expire.
const CLOCK: Duration = Duration::from_secs(60);

/// How many batches are taken in one go.
const BATCHES_AT_ONCE: usize = 64;

/// Where the objects come from: one or the other, never both.
#[derive(Clone, Debug)]
pub enum Source {
    /// `--manifests`.
    Manifests(Vec<PathBuf>),
    /// A cluster, which is what is read without `--manifests`.
    Cluster {
        /// `--kubeconfig` and `--apiserver-host`.
        client: ClientOptions,
        /// The flags of the source itself.
        options: cluster::Options,
    },
}

/// What `ingora sync` was told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the objects come from.
    pub source: Source,
    /// `--socket`.
    pub socket: PathBuf,
    /// `--healthz-host` and `--healthz-port`.
    pub health: SocketAddr,
    /// `--dns-server`.
    pub dns_servers: Vec<SocketAddr>,
    /// The flags of store and translation.
    pub options: Options,
    /// The flags of what is written into the cluster.
    pub outputs: OutputOptions,
}

/// Why the controller does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A path of `--manifests` cannot be used.
    #[error("--manifests {0}")]
    Manifests(#[from] file::UnusablePath),
    /// There is no way to the API server.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The socket cannot be served.
    #[error(transparent)]
    Socket(#[from] BindError),
    /// The health port cannot be served.
    #[error(transparent)]
    Health(#[from] health::BindError),
    /// A source ended by itself, which none does.
    #[error("nothing is read any more: the source ended; this is a defect of Ingora")]
    SourceEnded,
}

impl RunError {
    /// Whether the command line asked for something that cannot be: the exit code 2.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Client(ClientError::Nowhere | ClientError::Host(_)))
    }
}

/// A controller that has everything it needs and has not begun.
pub struct Controller {
    socket: Socket,
    health: TcpListener,
    core: Core,
    batches: mpsc::Receiver<Batch>,
    answers: mpsc::Receiver<Answer>,
}

impl Controller {
    /// Takes the sockets and starts the sources.
    ///
    /// # Errors
    /// When something that was asked for is not to be had; one sentence for the user.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn start(config: Config) -> Result<Self, RunError> {
        let metrics = Arc::new(Metrics::default());
        let health = health::bind(config.health).await?;
        let (publisher, socket) = Publisher::bind(&config.socket, Limits::default(), Arc::clone(&metrics))?;
        let (sender, batches) = source::channel();
        let (following, outputs) = follow(&config, sender, &metrics).await?;
        let (names, answers) = Names::new(&config.dns_servers, Arc::clone(&metrics));
        Ok(Self {
            socket,
            health,
            core: Core { following, outputs, ..Core::new(config.options, publisher, names, metrics) },
            batches,
            answers,
        })
    }

    /// The address of the health port.
    pub fn health_address(&self) -> Option<SocketAddr> {
        self.health.local_addr().ok()
    }

    /// Runs until `shutdown` resolves.
    ///
    /// # Errors
    /// When a source ends by itself.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        let Self { socket, health, mut core, mut batches, mut answers } = self;
        let _health =
            health::serve(health, health::State::new(core.publisher.clone(), Arc::clone(&core.metrics)));
        let mut shutdown = pin!(shutdown);
        let mut clock = tokio::time::interval(CLOCK);
        let mut taken = Vec::with_capacity(BATCHES_AT_ONCE);
        // The outputs may need to hear of changes while they end.
        let mut ending = pin!(OptionFuture::default());
        let mut leaving = false;
        let result = loop {
            let due = core.due();
            // In this order: a storm of events must not keep a publication from going out.
            tokio::select! {
                biased;
                () = &mut shutdown, if !leaving => {
                    leaving = true;
                    ending.set(Some(core.outputs.end()).into());
                }
                Some(()) = &mut ending => break Ok(()),
                () = tokio::time::sleep_until(due.unwrap_or_else(far_future)), if due.is_some() => core.publish(),
                Some(answer) = answers.recv() => core.answer(answer),
                count = batches.recv_many(&mut taken, BATCHES_AT_ONCE) => {
                    if count == 0 {
                        break Err(RunError::SourceEnded);
                    }
                    taken.drain(..).flatten().for_each(|event| core.event(event));
                    core.complain_early();
                }
                _ = clock.tick() => core.time_passed(),
            }
        };
        // Gone before the process is, so that the next one finds no stale file.
        drop(socket);
        result
    }
}

/// Starts the one source, and with a cluster what is written into it.
async fn follow(
    config: &Config,
    batches: mpsc::Sender<Batch>,
    metrics: &Arc<Metrics>,
) -> Result<(Option<cluster::Following>, Outputs), RunError> {
    let socket = config.socket.display();
    match &config.source {
        Source::Manifests(paths) => {
            file::follow(paths, batches)?;
            tracing::info!(%socket, manifests = ?paths, "reading manifests");
            Ok((None, Outputs::none()))
        }
        Source::Cluster { client: to, options } => {
            let client = client(to).await?;
            let outputs = Outputs::start(&client, config.outputs.clone(), metrics);
            let following =
                cluster::follow(client, &config.options, options, metrics.source.clone(), batches);
            tracing::info!(%socket, "reading from the cluster");
            Ok((Some(following), outputs))
        }
    }
}

fn far_future() -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_secs(3600)
}

/// The state of the loop; nothing in here waits.
struct Core {
    store: Store,
    translator: Translator,
    publisher: Publisher,
    names: Names,
    problems: ProblemLog,
    metrics: Arc<Metrics>,
    /// The cluster source, which ends when this is dropped.
    following: Option<cluster::Following>,
    /// Objects that it was asked for and has not looked for yet.
    unanswered: BTreeSet<ObjectKey>,
    outputs: Outputs,
    /// Since when the source has delivered everything.
    ready: Option<Instant>,
    /// Since when something waits to be translated.
    waiting: Option<Instant>,
    /// Translated before the first publication, which waits for DNS and for what others name.
    outbox: Vec<Change>,
    /// When was last translated.
    last_pass: Option<Instant>,
    published: bool,
}

impl Core {
    fn new(options: Options, publisher: Publisher, names: Names, metrics: Arc<Metrics>) -> Self {
        Self {
            store: Store::new(options),
            translator: Translator::new(),
            publisher,
            names,
            problems: ProblemLog::new(Arc::clone(&metrics)),
            metrics,
            following: None,
            unanswered: BTreeSet::new(),
            outputs: Outputs::none(),
            ready: None,
            waiting: None,
            outbox: Vec::new(),
            last_pass: None,
            published: false,
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Apply(object, location) => self.store.insert(*object, location),
            Event::Delete(key) => self.store.remove(&key),
            Event::Problems { origin, problems } => self.problems.replace(origin, problems),
            Event::Ready => {
                self.ready.get_or_insert_with(Instant::now);
            }
            Event::Answered(key) => drop(self.unanswered.remove(&key)),
        }
        self.waiting.get_or_insert_with(Instant::now);
    }

    fn answer(&mut self, answer: Answer) {
        self.names.answered(&answer.name);
        self.store.resolved(&answer.name, answer.addresses);
        self.waiting.get_or_insert_with(Instant::now);
    }

    /// Problems that may be the reason why nothing is published cannot wait for that.
    fn complain_early(&mut self) {
        if self.ready.is_none() {
            let problems = self.problems.flush();
            self.outputs.problems(&problems);
        }
    }

    fn time_passed(&mut self) {
        self.waiting.get_or_insert_with(Instant::now);
    }

    /// When the next publication is due; `None` while there is nothing to publish, or not everything is known.
    fn due(&self) -> Option<tokio::time::Instant> {
        let ready = self.ready?;
        let due = match (self.waiting, self.last_pass) {
            (Some(waiting), Some(last)) => waiting.max(last + HOLD_OFF),
            (Some(waiting), None) => waiting,
            // Translated, and waiting for answers only.
            (None, _) if !self.published => ready + FIRST_ANSWERS,
            (None, _) => return None,
        };
        Some(due.into())
    }

    /// Translates what waits and publishes what that changes.
    fn publish(&mut self) {
        let since = self.waiting.take().unwrap_or_else(Instant::now);
        let begin = Instant::now();
        let output = self.translator.translate(&mut self.store, SystemTime::now());
        self.metrics.translate_seconds.observe(begin.elapsed().as_secs_f64());
        self.problems.change(output.new_problems, output.solved_problems);
        self.outbox.extend(output.changes);
        self.names.set(&self.store.names_to_resolve());
        self.refer();
        self.outputs.seen(&output.sightings);
        self.last_pass = Some(Instant::now());
        let first = !self.published;
        let late = self.ready.is_some_and(|ready| ready.elapsed() >= FIRST_ANSWERS);
        if first && !late && !(self.names.all_answered() && self.unanswered.is_empty()) {
            return;
        }
        let problems = self.problems.flush();
        self.count_objects();
        // The first goes out even when it is empty: that there is nothing to serve is news, too.
        if first || !self.outbox.is_empty() {
            let changes = std::mem::take(&mut self.outbox);
            let count = changes.len();
            let revision = self.publisher.publish(changes, since);
            self.published = true;
            if first {
                tracing::info!(revision, resources = count, "everything is read and published");
            } else {
                tracing::debug!(revision, changes = count, "published");
            }
        }
        self.outputs.problems(&problems);
    }

    /// Asks the cluster source for what others name. Files bring everything unasked.
    fn refer(&mut self) {
        let Some(following) = &self.following else { return };
        let Some(wanted) = self.translator.take_references() else { return };
        self.unanswered.extend(following.refer(wanted));
    }

    fn count_objects(&self) {
        for (kind, count) in self.store.counts() {
            let label = KindLabel { kind: kind.to_string() };
            self.metrics.objects.get_or_create(&label).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}
