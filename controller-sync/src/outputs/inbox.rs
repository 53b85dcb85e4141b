//! What waits for an output: gathered by whoever has news, taken whole by the output when it has time. Giving never waits,
//! and what waits is bounded because newer news replace older ones.

use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

#[derive(Default)]
pub(crate) struct Inbox<T> {
    news: Mutex<Option<T>>,
    notify: Notify,
}

impl<T: Default> Inbox<T> {
    /// Adds to what waits.
    pub(crate) fn change(&self, add: impl FnOnce(&mut T)) {
        add(self.news.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default());
        self.notify.notify_one();
    }

    /// Waits for news and takes all of them. Nothing is lost when the wait is cancelled.
    pub(crate) async fn take(&self) -> T {
        loop {
            let notified = self.notify.notified();
            if let Some(news) = self.news.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return news;
            }
            notified.await;
        }
    }
}
