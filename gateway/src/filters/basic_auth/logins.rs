//! Verifying passwords, without holding anybody up who has proved to know theirs.
//!
//! ```text
//!   check ─▶ proved before (no lock) ─▶ in
//!     │ else, where the hash is slow
//!     ▼
//!   known to be wrong? ─▶ 401      the same credentials wait already? ─▶ wait with them
//!     │ neither
//!     ▼
//!   fair queue by Secret and client, bounded ─▶ threads of low priority, half as many as cores ─▶ all who wait
//! ```
//!
//! What is remembered of credentials is a digest (HMAC-SHA-256) of name, password and hash under a random key of this process:
//! it is worth nothing elsewhere, and nothing any more when the hash changes.
//!
//! A flood of wrong passwords costs the threads, never the cores that serve: those who proved their password pass without
//! asking here, and newcomers from elsewhere wait for one verification of each other client.

use super::credentials::Credentials;
use super::hash;
use super::turns::{Lane, Turns};
use super::users::{Digest, User, UserTable};
use ingora_config::UsersId;
use openssl::sha::Sha256;
use prometheus_client::metrics::counter::Counter;
use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

/// The most credentials that wait to be verified.
const MAX_WAITING: usize = 256;
/// The most requests that wait for the same credentials.
const MAX_SAME: usize = 1024;
/// Wrong credentials that are remembered.
const MAX_WRONG: usize = 4096;
/// How far the threads stand back: they get a tenth of what a thread gets that serves, and nothing of it is lost when nobody
/// serves. With less nobody could log in at a gateway that is busy.
const NICE: i32 = 10;
/// How long a request waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// What became of credentials.
#[derive(Debug, PartialEq, Eq)]
pub enum Login {
    /// They are those of this user.
    Right(Arc<str>),
    /// They are nobody's.
    Wrong,
    /// Too many wait for that to be found out.
    Busy,
}

/// The one verifier of a process.
pub struct Logins {
    keyed: Keyed,
    shared: Arc<Shared>,
    /// How many threads it may have.
    threads: usize,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    verified: Counter,
}

#[derive(Default)]
struct State {
    /// Threads that run; they start with the first slow hash.
    threads: usize,
    queue: Turns<Arc<UsersId>, Turns<IpAddr, VecDeque<Digest>>>,
    /// What waits and what is being verified.
    jobs: HashMap<Digest, Job>,
    wrong: Wrong,
}

struct Job {
    user: Arc<User>,
    /// Whether it is the user's own name, so that it is worth remembering.
    known: bool,
    password: Zeroizing<Vec<u8>>,
    waiting: Vec<oneshot::Sender<bool>>,
}

impl Logins {
    /// For a process that serves with so many cores; `verified` counts the passwords that threads verify.
    pub fn new(cores: usize, verified: Counter) -> Arc<Self> {
        let shared = Arc::new(Shared { state: Mutex::default(), work: Condvar::new(), verified });
        // A container's share of CPU time is used up by every thread alike: half of it stays for the cores that serve.
        Arc::new(Self { keyed: Keyed::new(), shared, threads: (cores / 2).max(1) })
    }

    /// Whether the credentials are those of a user.
    pub async fn check(
        &self,
        id: &Arc<UsersId>,
        users: &UserTable,
        credentials: &Credentials,
        client: IpAddr,
    ) -> Login {
        let Some((user, known)) = users.find(credentials.user()) else { return Login::Wrong };
        let password = hash::significant(&user.hash, credentials.password());
        let digest = self.keyed.digest(&[
            credentials.user().as_bytes(),
            password,
            user.hash.expose().as_bytes(),
            &[u8::from(known)],
        ]);
        let right = if known && user.is_proved(&digest) {
            Some(true)
        } else if hash::is_fast(&user.hash) {
            Some(hash::verify(&user.hash, password))
        } else {
            self.verify(digest, id, user, known, password, client).await
        };
        match right {
            Some(true) if known => Login::Right(Arc::clone(&user.name)),
            Some(_) => Login::Wrong,
            None => Login::Busy,
        }
    }

    /// Has a thread verify a password; `None` when there is no room or no time.
    async fn verify(
        &self,
        digest: Digest,
        id: &Arc<UsersId>,
        user: &Arc<User>,
        known: bool,
        password: &[u8],
        client: IpAddr,
    ) -> Option<bool> {
        let receiver = {
            let mut state = self.shared.lock();
            if state.wrong.contains(&digest) {
                return Some(false);
            }
            let (sender, receiver) = oneshot::channel();
            if let Some(job) = state.jobs.get_mut(&digest) {
                if job.waiting.len() >= MAX_SAME {
                    return None;
                }
                job.waiting.push(sender);
            } else {
                let password = Zeroizing::new(password.to_vec());
                let job = Job { user: Arc::clone(user), known, password, waiting: vec![sender] };
                state.enqueue(digest, job, Arc::clone(id), client);
                self.start_thread(&mut state);
            }
            receiver
        };
        self.shared.work.notify_one();
        tokio::time::timeout(PATIENCE, receiver).await.ok()?.ok()
    }

    /// One more thread while there are fewer than allowed and work for it.
    fn start_thread(&self, state: &mut State) {
        if state.threads >= self.threads || state.threads >= state.jobs.len() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        // Without a thread those who wait are answered when their patience ends; the next login tries again.
        if thread::Builder::new().name("login".into()).spawn(move || shared.run()).is_ok() {
            state.threads += 1;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock panics half way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of a thread.
    fn run(&self) {
        // On Linux this is about the calling thread alone. Where it is not allowed the thread works all the same.
        let _ = rustix::process::nice(NICE);
        loop {
            let (digest, user, known, password) = self.next();
            // A defect in a crate of hashes must not end the thread that everybody waits for.
            let right =
                catch_unwind(AssertUnwindSafe(|| hash::verify(&user.hash, &password))).unwrap_or(false);
            self.verified.inc();
            let mut state = self.lock();
            match right {
                true if known => user.prove(digest),
                true => {}
                false => state.wrong.insert(digest),
            }
            let job = state.jobs.remove(&digest);
            drop(state);
            for sender in job.into_iter().flat_map(|job| job.waiting) {
                // Who does not wait any more does not mind.
                let _ = sender.send(right);
            }
        }
    }

    /// Waits for credentials that somebody still waits for.
    fn next(&self) -> (Digest, Arc<User>, bool, Zeroizing<Vec<u8>>) {
        let mut state = self.lock();
        loop {
            let Some(digest) = state.queue.next() else {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            if let Some(job) = state.jobs.get_mut(&digest) {
                job.waiting.retain(|sender| !sender.is_closed());
                if !job.waiting.is_empty() {
                    let password = std::mem::take(&mut job.password);
                    return (digest, Arc::clone(&job.user), job.known, password);
                }
                state.jobs.remove(&digest);
            }
        }
    }
}

impl State {
    /// Where there is no room, whoever has most waiting loses the newest of it, and that may be this one.
    fn enqueue(&mut self, digest: Digest, job: Job, id: Arc<UsersId>, client: IpAddr) {
        self.jobs.insert(digest, job);
        self.queue.put(id, |clients| clients.put(network(client), |lane| lane.push_back(digest)));
        if self.queue.len() > MAX_WAITING
            && let Some(shed) = self.queue.shed()
        {
            self.jobs.remove(&shed);
        }
    }
}

/// Who counts as one client: an address of IPv4, a /64 of IPv6, which one customer has whole.
fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => address.into(),
            None => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        },
    }
}

/// The last wrong credentials; the oldest go first.
#[derive(Default)]
struct Wrong {
    known: HashSet<Digest>,
    order: VecDeque<Digest>,
}

impl Wrong {
    fn contains(&self, digest: &Digest) -> bool {
        self.known.contains(digest)
    }

    fn insert(&mut self, digest: Digest) {
        if self.known.insert(digest) {
            self.order.push_back(digest);
        }
        if self.order.len() > MAX_WRONG
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

/// HMAC-SHA-256 (RFC 2104) under a random key, with the work on the key done once.
struct Keyed {
    inner: Sha256,
    outer: Sha256,
}

impl Keyed {
    fn new() -> Self {
        let mut key = Zeroizing::new([0; 64]);
        openssl::rand::rand_bytes(&mut *key).expect("without random numbers there is no TLS either");
        let begin = |pad: u8| {
            let mut sha = Sha256::new();
            sha.update(&Zeroizing::new(key.map(|byte| byte ^ pad))[..]);
            sha
        };
        Self { inner: begin(0x36), outer: begin(0x5c) }
    }

    fn digest(&self, parts: &[&[u8]]) -> Digest {
        let mut inner = self.inner.clone();
        for part in parts {
            // The length keeps a byte from moving from one part to the next unseen.
            inner.update(&part.len().to_be_bytes());
            inner.update(part);
        }
        let mut outer = self.outer.clone();
        outer.update(&inner.finish());
        outer.finish()
    }
}

#[cfg(test)]
mod tests;
