//! The data plane of Ingora: a Pingora proxy that serves what `ingora sync` sends. It knows no Kubernetes.
//!
//! ```text
//!   one request    front (accept, tls, head) ─▶ proxy (phases) ─▶ telemetry
//!                                                  │ reads
//!   configuration  sync (socket) ─▶ live ─▶ table · upstream · certificate ◀── admin shows
//! ```
//!
//! | to follow | start in |
//! | --- | --- |
//! | a request, from accept to its log line | [`front::accept`], then [`proxy`] |
//! | a change, from the socket to the next request | [`sync`], then [`live`] |
//! | why the gateway answered itself | [`reason`] |
//! | the process, from start to drain | [`app`] |

pub mod address_text;
pub mod admin;
pub mod answer;
pub mod app;
pub mod args;
pub mod auth_tls;
pub mod authority;
pub mod certificate;
pub mod client_address;
pub mod drain;
pub mod filters;
pub mod front;
pub mod health_check;
pub mod host_tls;
pub mod live;
pub mod location;
pub mod mirror;
pub mod networks;
pub mod page;
pub mod proxy;
pub mod reason;
pub mod request_path;
pub mod settings;
pub mod sync;
pub mod table;
pub mod telemetry;
pub mod template;
pub mod texts;
pub mod upstream;
