//! HAProxy of the distribution: hosts by a map file, one thread, the same headers towards the upstream, a log with the same
//! fields on standard output, its Prometheus exporter on the port for metrics.

use super::{Part, Setup};
use crate::bench::{Result, site};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// Connections it allows; each may need one to the upstream, and HAProxy refuses to start when it cannot open them all.
const CONNECTIONS: u64 = 16_384;

/// Writes configuration and map, and says how to start it.
pub(super) fn prepare(program: &Path, setup: &Setup<'_>) -> Result<Vec<Part>> {
    setup.write("hosts.map", &hosts(setup.routes))?;
    let file = setup.write("haproxy.cfg", &configuration(setup))?;
    let mut command = Command::new(program);
    command.arg("-db").arg("-f").arg(file);
    Ok(vec![Part { name: "haproxy", command, log: setup.access_log() }])
}

/// The map from hosts to the backend.
pub fn hosts(routes: usize) -> String {
    (0..routes).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "{} web", site::host(number));
        text
    })
}

/// The whole haproxy.cfg.
pub fn configuration(setup: &Setup<'_>) -> String {
    let (http, https, admin) = (setup.ports.http, setup.ports.https, setup.ports.admin);
    let folder = setup.folder.display();
    let both = setup.certificate.both.display();
    let backend = setup.backend;
    let connections = CONNECTIONS.min(setup.open_files.saturating_sub(200) / 2);
    format!(
        r#"global
  nbthread 1
  maxconn {connections}
  log stdout format raw local0 info
  hard-stop-after 1s
  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
defaults
  mode http
  log global
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 75s
  timeout server 60s
  timeout http-request 60s
  timeout http-keep-alive 75s
frontend edge
  bind 127.0.0.1:{http} backlog 4096
  bind 127.0.0.1:{https} backlog 4096 ssl crt {both} alpn h2,http/1.1
  unique-id-format %[uuid()]
  http-request capture req.hdr(Referer) len 128
  http-request capture req.hdr(User-Agent) len 128
  http-request set-header X-Request-ID %[unique-id] unless {{ req.hdr(X-Request-ID) -m found }}
  http-request set-header X-Original-Forwarded-For %[req.hdr(X-Forwarded-For)] if {{ req.hdr(X-Forwarded-For) -m found }}
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  http-request set-header X-Forwarded-Port 443 if {{ ssl_fc }}
  http-request set-header X-Forwarded-Port 80 unless {{ ssl_fc }}
  http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
  http-request set-header X-Forwarded-Proto http unless {{ ssl_fc }}
  http-request set-header X-Forwarded-Scheme https if {{ ssl_fc }}
  http-request set-header X-Forwarded-Scheme http unless {{ ssl_fc }}
  http-request set-header X-Scheme https if {{ ssl_fc }}
  http-request set-header X-Scheme http unless {{ ssl_fc }}
  http-request del-header Proxy
  http-response del-header Server
  http-response set-header Strict-Transport-Security "max-age=31536000; includeSubDomains" if {{ ssl_fc }}
  log-format '%ci - - [%t] %{{+Q}}r %ST %B %{{+Q}}[capture.req.hdr(0)] %{{+Q}}[capture.req.hdr(1)] %U %Ta [%b] [] %si:%sp %B %Tr %ST %ID'
  use_backend %[req.hdr(host),field(1,:),lower,map({folder}/hosts.map)]
backend web
  server one {backend} pool-max-conn 320
frontend metrics
  bind 127.0.0.1:{admin}
  no log
  http-request use-service prometheus-exporter
"#
    )
}
