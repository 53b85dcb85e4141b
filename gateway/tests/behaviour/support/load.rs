//! Clients that never stop asking, and an account of every request that failed.

use super::http1::Connection;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The connection was refused: nobody accepted the request.
    Refused,
    /// The connection broke before the answer was complete.
    Broken(String),
    /// An answer, but not 200.
    Status(u16),
}

/// What became of all requests.
#[derive(Default, Debug)]
pub(crate) struct Account {
    /// How many were answered with 200.
    pub(crate) answered: usize,
    /// All others.
    pub(crate) failures: Vec<Failure>,
    /// The longest time between two answers of one client.
    pub(crate) longest_gap: Duration,
}

/// Running clients.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    account: Arc<Mutex<Account>>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// `clients` threads, each with one keep-alive connection that it opens anew when the gateway closes it. A close
    /// that was announced (`Connection: close`) is no failure; one without is, even between two requests.
    pub(crate) fn start(address: SocketAddr, host: &str, target: &str, clients: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let account = Arc::new(Mutex::new(Account::default()));
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let clients = (0..clients)
            .map(|_| {
                let (stop, account, request) = (Arc::clone(&stop), Arc::clone(&account), request.clone());
                thread::spawn(move || client(address, &request, &stop, &account))
            })
            .collect();
        Self { stop, account, clients }
    }

    /// How many were answered so far.
    pub(crate) fn answered(&self) -> usize {
        self.account.lock().unwrap().answered
    }

    /// The failures so far.
    pub(crate) fn failures(&self) -> Vec<Failure> {
        self.account.lock().unwrap().failures.clone()
    }

    /// Waits until `count` more requests are answered.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) {
        let want = self.answered() + count;
        super::until(&format!("{count} more answers"), || self.answered() >= want);
    }

    /// Lets the clients finish and returns the account.
    pub(crate) fn finish(self) -> Account {
        self.stop.store(true, Ordering::SeqCst);
        self.clients.into_iter().for_each(|client| client.join().unwrap());
        std::mem::take(&mut self.account.lock().unwrap())
    }
}

fn client(address: SocketAddr, request: &str, stop: &AtomicBool, account: &Mutex<Account>) {
    let mut connection = None;
    let mut last = Instant::now();
    while !stop.load(Ordering::SeqCst) {
        let result = ask(address, request, &mut connection);
        let mut account = account.lock().unwrap();
        match result {
            Ok(()) => {
                account.answered += 1;
                account.longest_gap = account.longest_gap.max(last.elapsed());
                last = Instant::now();
            }
            Err(failure) => {
                connection = None;
                account.failures.push(failure);
                drop(account);
                thread::sleep(Duration::from_millis(2));
            }
        }
    }
}

fn ask(
    address: SocketAddr,
    request: &str,
    kept: &mut Option<Connection<std::net::TcpStream>>,
) -> Result<(), Failure> {
    let mut connection = match kept.take() {
        Some(connection) => connection,
        None => Connection::open(address).map_err(|_| Failure::Refused)?,
    };
    let answer = connection.send(request).and_then(|()| connection.response());
    let answer = answer.map_err(|error| Failure::Broken(error.to_string()))?;
    if answer.header("connection").is_none_or(|value| !value.eq_ignore_ascii_case("close")) {
        *kept = Some(connection);
    }
    if answer.status == 200 { Ok(()) } else { Err(Failure::Status(answer.status)) }
}
