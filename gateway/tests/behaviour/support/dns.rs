//! A name server for one test: answers A and AAAA queries from a table that the test may change at any time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Serves until dropped.
pub(crate) struct NameServer {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    names: Mutex<HashMap<String, (u32, Vec<IpAddr>)>>,
    queries: AtomicUsize,
    stopped: AtomicBool,
}

impl NameServer {
    /// Knows nothing: every name does not exist.
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let address = socket.local_addr().unwrap();
        let state = Arc::new(State {
            names: Mutex::default(),
            queries: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let serving = Arc::clone(&state);
        thread::spawn(move || {
            let mut query = [0; 512];
            while !serving.stopped.load(Ordering::SeqCst) {
                if let Ok((length, from)) = socket.recv_from(&mut query) {
                    serving.queries.fetch_add(1, Ordering::SeqCst);
                    if let Some(answer) = serving.answer(&query[..length]) {
                        let _ = socket.send_to(&answer, from);
                    }
                }
            }
        });
        Self { address, state }
    }

    /// From now on `name` has these addresses, for `ttl` seconds.
    pub(crate) fn set(&self, name: &str, ttl: u32, addresses: &[IpAddr]) {
        self.state.names.lock().unwrap().insert(name.to_owned(), (ttl, addresses.to_vec()));
    }

    /// How many queries arrived.
    pub(crate) fn queries(&self) -> usize {
        self.state.queries.load(Ordering::SeqCst)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
    }
}

impl State {
    /// RFC 1035 section 4: the header, the question again, the answers. EDNS of the query is ignored.
    fn answer(&self, query: &[u8]) -> Option<Vec<u8>> {
        let (mut name, mut at) = (String::new(), 12);
        loop {
            let length = *query.get(at)? as usize;
            at += 1;
            if length == 0 {
                break;
            }
            name += &format!("{}.", String::from_utf8_lossy(query.get(at..at + length)?));
            at += length;
        }
        let question = query.get(12..at + 4)?;
        let kind = u16::from_be_bytes([query[at], query[at + 1]]);
        let names = self.names.lock().unwrap();
        let known = names.get(name.trim_end_matches('.').to_ascii_lowercase().as_str());
        let records: Vec<_> =
            known.iter().flat_map(|(ttl, addresses)| addresses.iter().map(|a| (*ttl, *a))).collect();
        let records: Vec<_> = records
            .into_iter()
            .filter(|(_, address)| kind == if address.is_ipv4() { 1 } else { 28 })
            .collect();
        let code = if known.is_some() { 0 } else { 3 };
        let mut answer =
            vec![query[0], query[1], 0x84, 0x80 | code, 0, 1, 0, records.len() as u8, 0, 0, 0, 0];
        answer.extend_from_slice(question);
        for (ttl, address) in records {
            answer.extend_from_slice(&[0xc0, 12, (kind >> 8) as u8, kind as u8, 0, 1]);
            answer.extend_from_slice(&ttl.to_be_bytes());
            match address {
                IpAddr::V4(address) => answer.extend_from_slice(&[&[0, 4], &address.octets()[..]].concat()),
                IpAddr::V6(address) => answer.extend_from_slice(&[&[0, 16], &address.octets()[..]].concat()),
            }
        }
        Some(answer)
    }
}
