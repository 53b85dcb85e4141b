//! nginx of the distribution, with what ingress-nginx' template sets: its header set, its log without a buffer, its
//! keep-alive and buffers. What that controller does in Lua beside it is not here, so this is the cheapest it can be.

use super::{Part, Setup};
use crate::bench::{Result, site};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// Writes the configuration and says how to start it.
pub(super) fn prepare(program: &Path, setup: &Setup<'_>) -> Result<Vec<Part>> {
    let file = setup.write("nginx.conf", &configuration(setup))?;
    let mut command = Command::new(program);
    command.arg("-p").arg(setup.folder).arg("-c").arg(file).arg("-e").arg(setup.folder.join("error.log"));
    Ok(vec![Part { name: "nginx", command, log: setup.folder.join("output.log") }])
}

/// The whole nginx.conf.
pub fn configuration(setup: &Setup<'_>) -> String {
    let (http, https) = (setup.ports.http, setup.ports.https);
    let mut text = head(setup);
    // The catch-all, which is the only one that has to say how to listen.
    let _ = writeln!(
        text,
        "  server {{ server_name _; listen 127.0.0.1:{http} default_server backlog=4096; \
         listen 127.0.0.1:{https} default_server backlog=4096 ssl http2; location / {{ return 404; }} }}"
    );
    for number in 0..setup.routes {
        let _ = writeln!(
            text,
            "  server {{ server_name {}; listen 127.0.0.1:{http}; listen 127.0.0.1:{https} ssl http2; \
             location / {{ proxy_pass http://upstream_balancer; }} }}",
            site::host(number)
        );
    }
    text.push_str("}\n");
    text
}

/// Everything above the servers. The headers stand here once and are inherited by every location: the work per request is
/// the same as when each location repeats them.
fn head(setup: &Setup<'_>) -> String {
    let folder = setup.folder.display();
    let log = setup.access_log();
    let log = log.display();
    let backend = setup.backend;
    let certificate = setup.certificate.certificate.display();
    let key = setup.certificate.key.display();
    // Twice the hosts, a power of two: nginx asks for it above 512 names.
    let names = (2 * setup.routes).next_power_of_two().max(1024);
    format!(
        r#"daemon off;
pid {folder}/nginx.pid;
worker_processes 1;
worker_rlimit_nofile 65536;
events {{ multi_accept on; worker_connections 16384; use epoll; }}
http {{
  log_format upstreaminfo '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_length $request_time [$proxy_host] [] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id';
  access_log {log} upstreaminfo;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server_names_hash_max_size {names}; server_names_hash_bucket_size 128;
  sendfile on; aio threads; tcp_nopush on; tcp_nodelay on;
  reset_timedout_connection on;
  keepalive_timeout 75s; keepalive_requests 1000000000;
  client_header_buffer_size 1k; client_header_timeout 60s; large_client_header_buffers 4 8k;
  client_body_buffer_size 8k; client_body_timeout 60s; client_max_body_size 1m;
  http2_max_concurrent_streams 128;
  server_tokens off;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:SSL:10m; ssl_session_timeout 10m; ssl_session_tickets off; ssl_buffer_size 4k;
  ssl_certificate {certificate}; ssl_certificate_key {key};
  map $http_x_request_id $req_id {{ default $http_x_request_id; "" $request_id; }}
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  map $https $forwarded_port {{ default 80; on 443; }}
  map $https $strict {{ default ''; on 'max-age=31536000; includeSubDomains'; }}
  upstream upstream_balancer {{
    server {backend};
    keepalive 320; keepalive_time 1h; keepalive_timeout 60s; keepalive_requests 10000;
  }}
  proxy_set_header Host $host;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
  proxy_set_header X-Request-ID $req_id;
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Host $host;
  proxy_set_header X-Forwarded-Port $forwarded_port;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Scheme $scheme;
  proxy_set_header X-Scheme $scheme;
  proxy_set_header X-Original-Forwarded-For $http_x_forwarded_for;
  proxy_set_header Proxy "";
  proxy_hide_header Strict-Transport-Security;
  add_header Strict-Transport-Security $strict always;
  proxy_connect_timeout 5s; proxy_send_timeout 60s; proxy_read_timeout 60s;
  proxy_buffering off; proxy_buffer_size 4k; proxy_buffers 4 4k; proxy_request_buffering on;
  proxy_http_version 1.1; proxy_next_upstream error timeout; proxy_next_upstream_tries 3;
"#
    )
}
