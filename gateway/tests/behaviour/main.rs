//! Behaviour: both real programs over real sockets, manifests in, requests out. One module per feature; what they
//! share stands in `support`.
//!
//! One test binary instead of one per feature: it is linked once, and `cargo test -p ingora-gateway --test behaviour
//! tls::` still runs one feature.

#![cfg(test)]

mod access_log;
mod access_log_format;
mod admin;
mod affinity;
mod app_root;
mod auth_tls;
mod backend_protocol;
mod basic_auth;
mod browser;
mod buffers;
mod canary;
mod client_address;
mod compression;
mod configmap;
mod conflicts;
mod cors;
mod custom_headers;
mod default_backend;
mod drain;
mod endpoint_health;
mod endpoints;
mod error_pages;
mod errors;
mod examples;
mod external_auth;
mod external_name;
mod file_source;
mod from_to_www_redirect;
mod grpc;
mod headers;
mod hosts_and_paths;
mod http1;
mod http2;
mod https_redirect;
mod ingress_class;
mod load_balance;
mod mirror;
mod proxy_cookie;
mod proxy_http;
mod proxy_redirect;
mod proxy_ssl;
mod quickstart;
mod rate_limit;
mod redirect;
mod retry;
mod rewrite;
mod safety_http1;
mod safety_http2;
mod satisfy;
mod scale;
mod server_alias;
mod source_range;
mod ssl_passthrough;
mod storm;
mod support;
mod timeouts;
mod tls;
mod upstream_vhost;
mod use_regex;
mod websocket;
mod wire;
