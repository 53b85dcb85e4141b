//! Requests at a fixed rate, whatever the other side does: an open loop.
//!
//! Request number n is planned for `start + n / rate`. It is sent then, or as soon as its connection is free; its latency
//! counts from the planned time in any case. So a stall of a second is a second for every request that should have been
//! sent meanwhile, and not for one of them only. That is what corrects coordinated omission.

use super::connection::Connection;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

/// What is to be sent.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where to.
    pub address: SocketAddr,
    /// Requests per second, of all connections together; at least 1.
    pub rate: u32,
    /// Connections, each with a thread of its own and every so-many-th request; at least 1, at most 256.
    pub connections: usize,
    /// For how long requests are planned.
    pub duration: Duration,
    /// Whole requests, as of [`get`](super::connection::get), that are sent in turn; at least one.
    pub requests: Vec<Vec<u8>>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The latencies of the requests that were answered with 200, shortest first.
    pub latencies: Vec<Duration>,
    /// How many were answered otherwise, or not at all.
    pub failed: usize,
    /// What happened to the first that failed on its connection.
    pub first_failure: Option<String>,
}

/// The most threads.
const MAX_CONNECTIONS: usize = 256;

/// A thread gives up after so many failures: the other side is gone, and each may have taken ten seconds.
const MAX_FAILURES: usize = 100;

/// How long after the last planned time requests are still sent. What is left then has failed: on a machine or a gateway that
/// cannot keep up, the queue would only grow.
const GRACE: Duration = Duration::from_secs(10);

/// How long the threads get to connect before the first request.
const LEAD: Duration = Duration::from_millis(50);

/// Sends what is planned and waits for the end of it. A thread that gives up early counts its remaining requests as failed.
#[must_use]
pub fn run(plan: &Plan) -> Outcome {
    let connections = plan.connections.clamp(1, MAX_CONNECTIONS);
    let total = (f64::from(plan.rate.max(1)) * plan.duration.as_secs_f64()) as usize;
    let start = Instant::now() + LEAD;
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|first| scope.spawn(move || one(plan, start, (first..total).step_by(connections))))
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let mut all = Outcome::default();
    for outcome in outcomes {
        all.latencies.extend(outcome.latencies);
        all.first_failure = all.first_failure.or(outcome.first_failure);
    }
    all.failed = total - all.latencies.len();
    all.latencies.sort_unstable();
    all
}

/// One connection and its share of the requests.
fn one(plan: &Plan, start: Instant, numbers: impl Iterator<Item = usize>) -> Outcome {
    let mut connection = Connection::to(plan.address);
    let mut outcome = Outcome::default();
    // Should that fail, the first request fails and says why.
    let _ = connection.connect();
    for number in numbers {
        let Some(request) = plan.requests.get(number % plan.requests.len().max(1)) else { break };
        let planned = start + Duration::from_secs_f64(number as f64 / f64::from(plan.rate.max(1)));
        thread::sleep(planned.saturating_duration_since(Instant::now()));
        if start.elapsed() > plan.duration + GRACE {
            outcome.first_failure.get_or_insert("not sent: those before it took too long".into());
            break;
        }
        let failure = match connection.ask(request).map(|answer| answer.status) {
            Ok(200) => {
                outcome.latencies.push(planned.elapsed());
                continue;
            }
            Ok(status) => format!("status {status}"),
            Err(error) => error.to_string(),
        };
        outcome.failed += 1;
        outcome.first_failure.get_or_insert(failure);
        if outcome.failed >= MAX_FAILURES {
            break;
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::super::connection::get;
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    fn serve(mut stream: TcpStream, mut answer: impl FnMut(usize) -> u16) {
        let mut buffer = [0; 1024];
        for number in 0.. {
            // Requests are small and are not sent ahead: one read is one request.
            if !matches!(stream.read(&mut buffer), Ok(1..)) {
                return;
            }
            let status = answer(number);
            stream.write_all(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").as_bytes()).unwrap();
        }
    }

    fn server(answer: fn(usize) -> u16) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                thread::spawn(move || serve(stream.unwrap(), answer));
            }
        });
        address
    }

    fn plan(address: SocketAddr, connections: usize) -> Plan {
        let requests = vec![get("a.test", "/"), get("b.test", "/")];
        Plan { address, rate: 1000, connections, duration: Duration::from_millis(300), requests }
    }

    #[test]
    fn as_many_as_planned_are_sent_and_those_that_fail_are_counted() {
        let outcome = run(&plan(server(|number| if number % 10 == 9 { 503 } else { 200 }), 3));
        assert_eq!((outcome.latencies.len(), outcome.failed), (270, 30));
        assert_eq!(outcome.first_failure.as_deref(), Some("status 503"));
        assert!(outcome.latencies.is_sorted());
    }

    #[test]
    fn a_stall_counts_for_every_request_that_should_have_been_sent_meanwhile() {
        let stalled = |number| {
            if number == 0 {
                thread::sleep(Duration::from_millis(200));
            }
            200
        };
        let outcome = run(&plan(server(stalled), 1));
        let long = outcome.latencies.iter().filter(|latency| **latency > Duration::from_millis(50)).count();
        // One per millisecond of the stall: those of its first 150 ms waited longer than 50.
        assert!(long >= 150, "{long}");
        assert_eq!(outcome.failed, 0);
    }

    #[test]
    fn when_nobody_is_there_everything_has_failed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let outcome = run(&plan(address, 2));
        assert_eq!((outcome.latencies.len(), outcome.failed), (0, 300));
        assert!(outcome.first_failure.is_some());
    }
}
