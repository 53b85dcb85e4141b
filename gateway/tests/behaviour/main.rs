//! Behaviour: both real programs over real sockets, manifests in, requests out. One module per feature; what they
//! share stands in `support`.
//!
//! One test binary instead of one per feature: it is linked once, and `cargo test -p ingora-gateway --test behaviour
//! tls::` still runs one feature.

#![cfg(test)]

mod access_log;
mod access_log_format;
mod admin;
mod app_root;
mod backend_protocol;
mod buffers;
mod canary;
mod client_address;
mod configmap;
mod conflicts;
mod cors;
mod default_backend;
mod drain;
mod endpoints;
mod errors;
mod examples;
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
mod mirror;
mod proxy_http;
mod proxy_ssl;
mod quickstart;
mod rate_limit;
mod redirect;
mod retry;
mod rewrite;
mod safety_http1;
mod safety_http2;
mod scale;
mod server_alias;
mod source_range;
mod storm;
mod support;
mod timeouts;
mod tls;
mod upstream_vhost;
mod use_regex;
mod websocket;
mod wire;
