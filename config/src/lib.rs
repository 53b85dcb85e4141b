//! The language both halves of Ingora speak.
//!
//! ```text
//!   controller-sync                                      gateway
//!   Ingress, Service, Secret ──translate──▶ Resource ──wire──▶ RouteTable, groups, certificates
//!                                 └──▶ Problem ──▶ log, metric, `ingora check`
//! ```
//!
//! Everything here is plain data without I/O, valid from the moment it exists: every type checks itself when it is
//! built *and* when it is read from the wire. Resources mirror what users wrote:
//!
//! | a user's object | becomes |
//! | --- | --- |
//! | a host of any Ingress | one [`VirtualHost`] |
//! | one path of one Ingress | one [`Route`] |
//! | the annotations of an Ingress | the [`Policy`] of each of its routes |
//! | a Service port that a path names | one [`Upstream`] and, in a lane of its own, its [`Endpoints`] |
//! | a TLS Secret that serves a host | one [`Certificate`] |
//! | a Secret with authorities for client certificates | one [`Authority`] |
//! | a Secret with users | one [`Users`] |
//! | flags and the ConfigMap | one [`Settings`] |
//!
//! so that an edit of one object is one small message, whatever else exists.

pub mod auth_tls;
pub mod basic_auth;
pub mod certificate;
pub mod host;
pub mod name;
pub mod pattern;
pub mod policy;
pub mod problem;
pub mod replacement;
pub mod resource;
pub mod route;
pub mod settings;
pub mod template;
pub mod upstream;
pub mod wire;

pub use auth_tls::{AuthTls, Authority, SubjectPattern, VerifyClient};
pub use basic_auth::{PasswordHash, Users, UsersId};
pub use certificate::{Certificate, PrivateKey};
pub use host::{Host, HostCiphers, HostName, HostRole, InvalidHost, VirtualHost};
pub use name::{NamespacedName, ObjectRef};
pub use pattern::{HostPattern, InvalidPattern, PathPattern, TextPattern};
pub use policy::Policy;
pub use problem::{Problem, Reason, Severity, SourceLocation};
pub use replacement::{InvalidReplacement, Replacement, Wanted};
pub use resource::{Key, Resource};
pub use route::{Backend, InvalidPath, PathKind, PathMatch, PathValue, Route, RouteKey};
pub use settings::Settings;
pub use template::{Template, Variable};
pub use upstream::{Endpoint, Endpoints, Protocol, ServicePort, Upstream, UpstreamId};
