//! Asking: a pooled connection of the engine's, one exchange, and bounds on all of it.

use super::ExternalAuth;
use super::question::Question;
use super::verdict::Verdict;
use crate::upstream::Target;
use ingora_config::Protocol;
use pingora::connectors::http::Connector;
use pingora::protocols::http::client::HttpSession;
use pingora::upstreams::peer::HttpPeer;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;
use tokio::time::timeout;

/// How long a connection may take, and with TLS its handshake.
const CONNECT: Duration = Duration::from_secs(5);
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long the whole exchange may take (nginx' `proxy_read_timeout`).
const ANSWER: Duration = Duration::from_secs(60);
/// How long, and up to how many bytes, the body of an answer is read to keep its connection.
const DRAIN: Duration = Duration::from_secs(1);
const DRAIN_BYTES: usize = 64 * 1024;
/// How many endpoints are tried that cannot be connected to.
const TRIES: usize = 3;
/// How many connections of the pool may turn out to have ended meanwhile.
const STALE: usize = 2;

/// There is no answer that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoAnswer;

/// Asks, and reads the answer.
pub(super) async fn ask(
    connector: &Connector,
    question: Question,
    auth: &ExternalAuth,
) -> Result<Verdict, NoAnswer> {
    let (mut failed, mut stale) = (Vec::new(), 0);
    let idle = u64::from(auth.auth.keepalive_timeout);
    while failed.len() < TRIES {
        let target = question.group.pick(&failed).ok_or(NoAnswer)?;
        let peer = peer(&target, &question, Duration::from_secs(idle));
        let Ok((mut session, reused)) = connector.get_http_session(&peer).await else {
            failed.push(target.address);
            continue;
        };
        match timeout(ANSWER, exchange(&mut session, &question, auth)).await {
            Ok(Ok(verdict)) => {
                if idle > 0 && timeout(DRAIN, drain(&mut session)).await == Ok(true) {
                    let idle = Some(Duration::from_secs(idle));
                    connector.release_http_session(session, &peer, idle).await;
                }
                return Ok(verdict);
            }
            // The service ended it while it lay in the pool: that says nothing about the service.
            Ok(Err(NoAnswer)) if reused && stale < STALE => stale += 1,
            _ => return Err(NoAnswer),
        }
    }
    Err(NoAnswer)
}

/// The endpoint as it is spoken to. ingress-nginx does not verify the service's certificate; neither is it done here.
fn peer(target: &Target, question: &Question, idle: Duration) -> HttpPeer {
    let mut peer = match &question.service {
        None => target.peer.clone(),
        Some((host, tls)) => {
            let mut peer =
                HttpPeer::new(target.address, *tls, if *tls { host.clone() } else { String::new() });
            let mut key = DefaultHasher::new();
            ("external_auth", &target.id).hash(&mut key);
            peer.group_key = key.finish();
            peer.options.verify_cert = false;
            peer.options.verify_hostname = false;
            match target.protocol {
                Protocol::H2c if !tls => peer.options.set_http_version(2, 2),
                _ => peer.options.set_http_version(1, 1),
            }
            peer
        }
    };
    let options = &mut peer.options;
    options.connection_timeout = Some(CONNECT);
    options.total_connection_timeout = Some(HANDSHAKE);
    options.read_timeout = Some(ANSWER);
    options.write_timeout = Some(ANSWER);
    options.idle_timeout = Some(idle);
    peer
}

async fn exchange(
    session: &mut HttpSession,
    question: &Question,
    auth: &ExternalAuth,
) -> Result<Verdict, NoAnswer> {
    session.set_read_timeout(Some(ANSWER));
    session.set_write_timeout(Some(ANSWER));
    let asked = async {
        session.write_request_header(Box::new(question.head.clone())).await?;
        session.finish_request_body().await?;
        session.read_response_header().await
    };
    asked.await.map_err(|_| NoAnswer)?;
    loop {
        let header = session.response_header().ok_or(NoAnswer)?;
        match header.status.as_u16() {
            101 => return Err(NoAnswer),
            100..=199 => session.read_response_header().await.map_err(|_| NoAnswer)?,
            _ => return Verdict::read(auth, header.status, &header.headers).map_err(|_| NoAnswer),
        }
    }
}

/// Reads the rest of an answer; `true` when its connection can be used again.
async fn drain(session: &mut HttpSession) -> bool {
    let mut left = DRAIN_BYTES;
    loop {
        match session.read_response_body().await {
            Ok(None) => return true,
            Ok(Some(piece)) if piece.len() <= left => left -= piece.len(),
            _ => return false,
        }
    }
}
