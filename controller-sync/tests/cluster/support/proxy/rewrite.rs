//! Answers whose objects are changed on their way: lists whole, watches line by line.

use super::super::api::Secured;
use super::super::watch::Lines;
use super::rule::Change;
use crate::support::http1::{Head, status};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Relays the answer to `what`; the end of the connection is the end of the body.
pub(super) fn relay(
    upstream: &mut Secured,
    client: &mut impl Write,
    what: &str,
    change: &Change,
) -> io::Result<()> {
    let is_watch = what.contains("watch=true") || what.contains("watch=1");
    if !is_watch {
        let answer = upstream.response()?;
        send_head(client, &answer.head)?;
        return client.write_all(&list(&answer.body, change));
    }
    let head = upstream.head()?;
    send_head(client, &head)?;
    if status(&head)? != 200 {
        return client.write_all(&upstream.some()?);
    }
    let mut lines = Lines::default();
    loop {
        let piece = upstream.chunk()?;
        if piece.is_empty() {
            return Ok(());
        }
        for line in lines.add(&piece) {
            if let Some(mut line) = event(&line, change) {
                line.push(b'\n');
                client.write_all(&line)?;
            }
        }
    }
}

fn send_head(client: &mut impl Write, head: &Head) -> io::Result<()> {
    let mut text = format!("{}\r\nConnection: close\r\n", head.first);
    for (name, value) in &head.fields {
        let framing = ["connection", "content-length", "transfer-encoding"];
        if !framing.contains(&name.to_ascii_lowercase().as_str()) {
            text += &format!("{name}: {value}\r\n");
        }
    }
    client.write_all((text + "\r\n").as_bytes())
}

fn list(body: &[u8], change: &Change) -> Vec<u8> {
    let Ok(mut list) = serde_json::from_slice::<Value>(body) else { return body.to_vec() };
    if let Some(items) = list["items"].as_array_mut() {
        let changed = std::mem::take(items).into_iter().filter_map(change).collect();
        *items = changed;
    }
    list.to_string().into_bytes()
}

fn event(line: &[u8], change: &Change) -> Option<Vec<u8>> {
    let Ok(mut event) = serde_json::from_slice::<Value>(line) else { return Some(line.to_vec()) };
    if !["ADDED", "MODIFIED", "DELETED"].map(|kind| json!(kind)).contains(&event["type"]) {
        return Some(line.to_vec());
    }
    event["object"] = change(event["object"].take())?;
    Some(event.to_string().into_bytes())
}
