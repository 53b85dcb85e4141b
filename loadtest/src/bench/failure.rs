//! Why a bench ended early: one sentence, with what was being done and, where it helps, what to install.

use std::io;

/// A bench ended early.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The system refused something.
    #[error("{doing}: {source}")]
    System {
        /// What was being done, such as `cannot start nginx`.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else, as a sentence.
    #[error("{0}")]
    Said(String),
}

impl Failure {
    /// A failure that is a sentence.
    pub fn said(sentence: impl Into<String>) -> Self {
        Self::Said(sentence.into())
    }
}

/// The result of what benches do.
pub type Result<T> = std::result::Result<T, Failure>;

/// Says what was being done when the system refused it.
pub trait Doing<T> {
    /// Turns the error into a [`Failure`]; `doing` is only called then.
    ///
    /// # Errors
    /// When `self` is one.
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Failure::System { doing: doing(), source })
    }
}
