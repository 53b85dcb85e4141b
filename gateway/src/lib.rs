//! The data plane of Ingora.
pub mod reason;
