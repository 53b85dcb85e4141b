//! Counters per route, under the names that ingress-nginx' dashboards ask for.
//!
//! A route holds its [`RouteStats`] from the moment it is published, so that counting a request looks nothing up but
//! its method and status. Routes with the same labels share one; when the last of them is gone, so are the numbers.

use arc_swap::ArcSwap;
use ingora_config::{Backend, Route, UpstreamId};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

/// Upper bounds of the buckets in microseconds: ingress-nginx' `--time-buckets`, which are Prometheus' defaults.
const BOUNDS: [u64; 11] =
    [5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000];

/// The methods that have a label of their own; the last stands for all others.
const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "OTHER"];
const OTHER: u8 = METHODS.len() as u8 - 1;

/// Combinations of method and status that a route counts exactly. An upstream that invents statuses beyond that is
/// counted by class, so that it cannot fill the memory.
const EXACT_SERIES: usize = 64;

/// The counters of one route.
#[derive(Debug)]
pub struct RouteStats {
    labels: Arc<Labels>,
    /// The method and status that came first: on most routes nearly all requests have them. In place, because with many
    /// routes each step to somewhere else is a wait for memory.
    first: OnceLock<Series>,
    /// All others.
    series: ArcSwap<Vec<Arc<Series>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Labels {
    namespace: Box<str>,
    ingress: Box<str>,
    service: Box<str>,
    canary: Box<str>,
    host: Box<str>,
    path: Box<str>,
}

/// One method and status.
#[derive(Debug)]
struct Series {
    method: u8,
    status: u16,
    micros: AtomicU64,
    /// The last is for everything above the highest bound.
    buckets: [AtomicU64; BOUNDS.len() + 1],
}

impl RouteStats {
    /// Counts one request. Takes no lock; allocates only for the first request of its method and status.
    pub fn observe(&self, method: &str, status: u16, duration: Duration) {
        let other = usize::from(OTHER);
        let method =
            METHODS[..other].iter().position(|known| *known == method).map_or(OTHER, |index| index as u8);
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        if let Some(first) = self.first.get().filter(|first| first.is(method, status)) {
            return first.add(micros);
        }
        if let Some(series) = find(&self.series.load(), method, status) {
            return series.add(micros);
        }
        let first = self.first.get_or_init(|| Series::new(method, status));
        match first.is(method, status) {
            true => first.add(micros),
            false => self.series(method, status).add(micros),
        }
    }

    #[cold]
    fn series(&self, method: u8, status: u16) -> Arc<Series> {
        let full = self.series.load().len() + 1 >= EXACT_SERIES;
        let (method, status) = if full { (OTHER, status / 100 * 100) } else { (method, status) };
        let new = Arc::new(Series::new(method, status));
        self.series.rcu(|all| {
            if find(all, method, status).is_some() {
                return Arc::clone(all);
            }
            let mut all = all.to_vec();
            all.push(Arc::clone(&new));
            Arc::new(all)
        });
        // Another thread may have been first.
        find(&self.series.load(), method, status).map_or(new, Arc::clone)
    }

    fn each(&self, mut act: impl FnMut(&Series, &[(&str, &str); 8]) -> fmt::Result) -> fmt::Result {
        let Labels { namespace, ingress, service, canary, host, path } = &*self.labels;
        let others = self.series.load();
        for series in self.first.get().into_iter().chain(others.iter().map(Arc::as_ref)) {
            let status = series.status.to_string();
            let method = METHODS[usize::from(series.method)];
            act(
                series,
                &[
                    ("status", &status),
                    ("method", method),
                    ("path", path),
                    ("namespace", namespace),
                    ("ingress", ingress),
                    ("service", service),
                    ("canary", canary),
                    ("host", host),
                ],
            )?;
        }
        Ok(())
    }
}

fn find(all: &[Arc<Series>], method: u8, status: u16) -> Option<&Arc<Series>> {
    all.iter().find(|series| series.is(method, status))
}

impl Series {
    fn new(method: u8, status: u16) -> Self {
        Self { method, status, micros: AtomicU64::new(0), buckets: Default::default() }
    }

    fn is(&self, method: u8, status: u16) -> bool {
        self.status == status && self.method == method
    }

    fn add(&self, micros: u64) {
        let bucket = BOUNDS.partition_point(|bound| *bound < micros);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    fn encode_histogram(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        let bounds = BOUNDS.iter().map(|micros| *micros as f64 / 1e6).chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(counts).collect();
        // Not from a counter of its own: it has to agree with the buckets.
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = self.micros.load(Ordering::Relaxed) as f64 / 1e6;
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}

/// The counters of all routes, by their labels.
#[derive(Debug, Default)]
pub struct RouteStatistics {
    known: Mutex<Registered>,
}

#[derive(Debug, Default)]
struct Registered {
    by_labels: HashMap<Arc<Labels>, Weak<RouteStats>>,
    /// From how many on the dead are swept out.
    sweep_at: usize,
}

impl RouteStatistics {
    /// The counters for a route: those of an earlier one with the same labels, as long as that is in use.
    pub fn of(&self, route: &Route) -> Arc<RouteStats> {
        self.labelled(route, "".into())
    }

    /// The counters for what a canary serves of a route: `canary` is the name of its upstream, the rest is the route's, as
    /// in ingress-nginx.
    pub fn of_canary(&self, route: &Route, upstream: &UpstreamId) -> Arc<RouteStats> {
        self.labelled(route, upstream.to_string().into())
    }

    fn labelled(&self, route: &Route, canary: Box<str>) -> Arc<RouteStats> {
        let service = match &route.backend {
            Backend::Upstream(id) => id.service.as_str(),
            Backend::NotFound => "",
        };
        let labels = Labels {
            namespace: route.ingress.namespace.as_str().into(),
            ingress: route.ingress.name.as_str().into(),
            service: service.into(),
            canary,
            host: route.key.host.to_string().into(),
            path: route.key.path.value.as_str().into(),
        };
        let mut known = self.known();
        if let Some(stats) = known.by_labels.get(&labels).and_then(Weak::upgrade) {
            return stats;
        }
        if known.by_labels.len() >= known.sweep_at {
            known.by_labels.retain(|_, stats| stats.strong_count() > 0);
            known.sweep_at = known.by_labels.len() * 2 + 64;
        }
        let labels = Arc::new(labels);
        let stats = Arc::new(RouteStats {
            labels: Arc::clone(&labels),
            first: OnceLock::new(),
            series: ArcSwap::default(),
        });
        known.by_labels.insert(labels, Arc::downgrade(&stats));
        stats
    }

    fn all(&self) -> Vec<Arc<RouteStats>> {
        self.known().by_labels.values().filter_map(Weak::upgrade).collect()
    }

    fn known(&self) -> MutexGuard<'_, Registered> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The counters of all routes as `/metrics` shows them.
#[derive(Debug)]
pub(super) struct RouteCollector(pub(super) Arc<RouteStatistics>);

impl Collector for RouteCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let all = self.0.all();
        // As a counter it would have to be named …_requests_total in this format, and no dashboard would find it.
        let mut requests = encoder.encode_descriptor(
            "requests",
            "Requests by route, method and status; counts up.",
            None,
            MetricType::Unknown,
        )?;
        for stats in &all {
            stats.each(|series, labels| {
                requests.encode_family(labels)?.encode_gauge(&(series.count() as f64))
            })?;
        }
        let mut durations = encoder.encode_descriptor(
            "request_duration_seconds",
            "Time from the request's header to the end of the answer.",
            None,
            MetricType::Histogram,
        )?;
        for stats in &all {
            stats.each(|series, labels| series.encode_histogram(durations.encode_family(labels)?))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ingora_config::{Host, NamespacedName, PathKind, PathMatch, PathValue, RouteKey};

    fn route(kind: PathKind, ingress: &str) -> Route {
        let path = PathMatch { kind, value: PathValue::new("/a").unwrap() };
        let key = RouteKey { host: Host::parse("a.test").unwrap(), path };
        Route::new(key, NamespacedName::new("shop", ingress), Backend::NotFound)
    }

    fn counts(stats: &RouteStats) -> Vec<(String, String, u64)> {
        let mut counts = Vec::new();
        let note = |series: &Series, labels: &[(&str, &str); 8]| {
            counts.push((labels[1].1.to_owned(), labels[0].1.to_owned(), series.count()));
            Ok(())
        };
        stats.each(note).unwrap();
        counts
    }

    #[test]
    fn routes_with_the_same_labels_share_their_counters_and_take_them_along_when_they_go() {
        let statistics = RouteStatistics::default();
        let first = statistics.of(&route(PathKind::Exact, "web"));
        assert!(Arc::ptr_eq(&first, &statistics.of(&route(PathKind::Prefix, "web"))));
        assert!(!Arc::ptr_eq(&first, &statistics.of(&route(PathKind::Exact, "other"))));
        first.observe("GET", 200, Duration::ZERO);
        drop(first);
        assert!(statistics.all().is_empty());
        assert!(counts(&statistics.of(&route(PathKind::Exact, "web"))).is_empty());
    }

    #[test]
    fn routes_that_come_and_go_leave_nothing_behind() {
        let statistics = RouteStatistics::default();
        for index in 0..10_000 {
            statistics.of(&route(PathKind::Exact, &index.to_string()));
        }
        assert!(statistics.known().by_labels.len() < 200);
    }

    #[test]
    fn requests_are_counted_by_method_status_and_duration_from_many_threads() {
        let stats = RouteStatistics::default().of(&route(PathKind::Exact, "web"));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        stats.observe("GET", 200, Duration::from_millis(5));
                        stats.observe("BREW", 418, Duration::from_secs(60));
                    }
                });
            }
        });
        let mut counts = counts(&stats);
        counts.sort();
        assert_eq!(counts, [("GET".into(), "200".into(), 4000), ("OTHER".into(), "418".into(), 4000)]);
        let sums = |method, status| {
            let others = stats.series.load();
            let mut all = stats.first.get().into_iter().chain(others.iter().map(Arc::as_ref));
            let series = all.find(|series| series.is(method, status)).unwrap();
            let buckets = [0, BOUNDS.len()].map(|bucket| series.buckets[bucket].load(Ordering::Relaxed));
            (buckets, series.micros.load(Ordering::Relaxed))
        };
        assert_eq!(sums(0, 200), ([4000, 0], 4000 * 5000), "a bound is part of its bucket");
        assert_eq!(sums(OTHER, 418).0, [0, 4000]);
    }

    #[test]
    fn an_upstream_that_invents_statuses_fills_a_bounded_number_of_series() {
        let stats = RouteStatistics::default().of(&route(PathKind::Exact, "web"));
        for status in 100..1000 {
            stats.observe("GET", status, Duration::ZERO);
        }
        let counts = counts(&stats);
        assert!(counts.len() <= EXACT_SERIES + 9, "{}", counts.len());
        assert_eq!(counts.iter().map(|(_, _, count)| count).sum::<u64>(), 900);
    }
}
