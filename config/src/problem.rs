//! Problems: what is wrong with what a user wrote, as data.
//!
//! A problem is never an error of ours. The same value feeds the log line, the metric, `ingora check` and, with a
//! cluster, the Event.

use crate::ObjectRef;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Part of the object is not served as written. `ingora check` exits with 1.
    Error,
    /// It is served, but not as its author probably thinks.
    Warning,
    /// Worth knowing.
    Info,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        })
    }
}

/// Why there is a problem: the label of the metric and the reason of the Event, stable across releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reason {
    /// A file cannot be read or parsed; its last good objects stay.
    FileUnreadable,
    /// One object of a file or of the API cannot be decoded and is skipped.
    ObjectInvalid,
    /// A kind may not be read from the API server; what was read before stays.
    KindForbidden,
    /// A kind that Ingora does not read.
    KindIgnored,
    /// The same object stands in two places; the first in file order counts.
    DuplicateObject,
    /// A host that is not one; the rule is not served.
    InvalidHost,
    /// A path that is not one; the path is not served.
    InvalidPath,
    /// A pathType that does not exist; the path is not served.
    InvalidPathType,
    /// Another, older Ingress serves the same host and path.
    PathConflict,
    /// Another, older Ingress already is the default backend.
    DefaultBackendConflict,
    /// `spec.ingressClassName` names a class that does not exist.
    ClassNotFound,
    /// A backend names a Service that does not exist; the answer is 503.
    ServiceNotFound,
    /// The Service has no such port; the answer is 503.
    PortNotFound,
    /// The Service has no endpoint that is ready; the answer is 503.
    NoEndpoints,
    /// A backend that is not a Service; the answer is 404.
    BackendUnsupported,
    /// A name that an ExternalName Service points to is not resolved; the answer is 503.
    NameNotResolved,
    /// A Secret does not exist. For TLS the default certificate is served; what needs it to protect answers 503.
    SecretNotFound,
    /// A Secret has nothing that can be used, or parts that cannot. For TLS the default certificate is served; what needs
    /// it to protect answers 503.
    SecretInvalid,
    /// A certificate does not cover the host; the default certificate is served.
    CertificateMismatch,
    /// A certificate is expired or not valid yet; it is served all the same, as in ingress-nginx.
    CertificateExpired,
    /// Another, older Ingress of the host decides its certificate.
    CertificateConflict,
    /// An annotation under our prefix that Ingora does not act on.
    AnnotationUnsupported,
    /// An annotation under our prefix that nobody knows.
    AnnotationUnknown,
    /// An annotation whose value cannot be used.
    AnnotationInvalid,
    /// A gate of the operator (risk level, word blocklist, deep inspection) refuses the Ingress.
    AnnotationForbidden,
    /// Another Ingress decides what this one asks of a host or a route.
    AnnotationConflict,
    /// A canary Ingress has no ordinary Ingress with the same host and path.
    CanaryWithoutPrimary,
    /// A ConfigMap that a flag or another ConfigMap names does not exist.
    ConfigMapNotFound,
    /// A key of the ConfigMap that nobody knows.
    SettingUnknown,
    /// A key of the ConfigMap whose value cannot be used.
    SettingInvalid,
    /// A key of the ConfigMap that Ingora does not act on.
    SettingUnsupported,
    /// A key of the ConfigMap that means nothing outside of nginx.
    SettingIgnored,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The Debug form of a field-less variant is its name.
        write!(f, "{self:?}")
    }
}

/// The file and line an object was read from (1-based).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceLocation {
    /// The path as given or found.
    pub file: String,
    /// The line; 0 when unknown.
    pub line: u64,
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

/// One thing that is wrong with one object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// How bad.
    pub severity: Severity,
    /// The object it is about; a file that does not parse is an object of kind `File`.
    pub object: ObjectRef,
    /// Why.
    pub reason: Reason,
    /// The field, for example `spec.rules[0].http.paths[1].path`; empty when it is the object as a whole.
    pub field: String,
    /// What is wrong, in one sentence, with the offending value bounded and quoted.
    pub message: String,
    /// What to change; may be empty.
    pub hint: String,
    /// Where the object stands, when it came from a file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<SourceLocation>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.object)?;
        if !self.field.is_empty() {
            write!(f, " {}", self.field)?;
        }
        write!(f, ": {} ({})", self.message, self.reason)?;
        if !self.hint.is_empty() {
            write!(f, "; {}", self.hint)?;
        }
        Ok(())
    }
}
