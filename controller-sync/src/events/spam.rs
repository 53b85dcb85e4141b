//! How many Events one object gets (client-go's spam filter: 25 at once, then one each five minutes).

use crate::rate::TokenBucket;
use ingora_config::ObjectRef;
use std::collections::HashMap;
use tokio::time::Instant;

const BURST: f64 = 25.0;
const PER_SECOND: f64 = 1.0 / 300.0;

/// What less important Events leave for others.
const RESERVE: f64 = 15.0;

/// Objects that got nothing for long are forgotten when there are so many.
const MANY: usize = 1024;

#[derive(Default)]
pub(super) struct Spam {
    objects: HashMap<ObjectRef, TokenBucket>,
    /// Forget when there are so many.
    threshold: usize,
}

impl Spam {
    /// Whether this object may get one more now; if not, when.
    pub(super) fn allow(&mut self, object: &ObjectRef) -> Result<(), Instant> {
        let bucket = self.bucket(object);
        if bucket.take() { Ok(()) } else { Err(bucket.ready_at()) }
    }

    /// Whether this object may get one more that nobody misses.
    pub(super) fn allow_unimportant(&mut self, object: &ObjectRef) -> bool {
        self.bucket(object).take_above(RESERVE)
    }

    fn bucket(&mut self, object: &ObjectRef) -> &mut TokenBucket {
        if self.objects.len() > self.threshold.max(MANY) {
            self.objects.retain(|_, bucket| !bucket.is_full());
            self.threshold = self.objects.len() * 2;
        }
        self.objects.entry(object.clone()).or_insert_with(|| TokenBucket::new(PER_SECOND, BURST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ingora_config::NamespacedName;
    use std::time::Duration;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn an_object_gets_25_at_once_then_one_each_five_minutes_and_others_do_not_notice() {
        let object = |name| ObjectRef::new("Ingress", &NamespacedName::new("shop", name));
        let mut spam = Spam::default();
        assert_eq!((0..100).filter(|_| spam.allow(&object("a")).is_ok()).count(), 25);
        assert!(spam.allow(&object("b")).is_ok());
        let wait = spam.allow(&object("a")).unwrap_err() - Instant::now();
        assert!((299..=301).contains(&wait.as_secs()), "{wait:?}");
        advance(Duration::from_secs(601)).await;
        assert_eq!((0..100).filter(|_| spam.allow(&object("a")).is_ok()).count(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn objects_that_are_quiet_are_forgotten() {
        let mut spam = Spam::default();
        for index in 0..10 * MANY {
            spam.allow(&ObjectRef::new("Ingress", &NamespacedName::new("shop", index.to_string()))).unwrap();
            advance(Duration::from_secs(1)).await;
        }
        assert!(spam.objects.len() <= 2 * MANY, "{}", spam.objects.len());
    }
}
