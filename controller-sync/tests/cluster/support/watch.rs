//! Watches objects as any client would and remembers every state they went through.

use super::api::Api;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::thread;

/// Runs until the test ends.
pub(crate) struct Watch {
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Watch {
    /// Watches a collection from now on.
    pub(crate) fn start(api: &Api, collection: &str) -> Self {
        let list = api.get(collection);
        let from = list["metadata"]["resourceVersion"].as_str().unwrap();
        let path = format!("{collection}?watch=true&resourceVersion={from}");
        let mut connection = api.connect(None).unwrap();
        connection.send(api.request("GET", &path, "application/json", "")).unwrap();
        let head = connection.head().unwrap();
        assert!(head.first.contains(" 200 "), "{}", head.first);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        thread::spawn(move || {
            let mut lines = Lines::default();
            while let Ok(piece) = connection.chunk() {
                if piece.is_empty() {
                    return;
                }
                for line in lines.add(&piece) {
                    sink.lock().unwrap().push(serde_json::from_slice(&line).unwrap());
                }
            }
        });
        Self { seen }
    }

    /// The events so far: `{"type": …, "object": …}`.
    pub(crate) fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }
}

/// Puts lines together from pieces of a stream.
#[derive(Default)]
pub(crate) struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// The lines that a further piece completes.
    pub(crate) fn add(&mut self, piece: &[u8]) -> Vec<Vec<u8>> {
        self.rest.extend_from_slice(piece);
        let mut lines: Vec<_> = self.rest.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        self.rest = lines.pop().unwrap_or_default();
        lines
    }
}
