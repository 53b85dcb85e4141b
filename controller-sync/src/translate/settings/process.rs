//! The process: its end, its threads, and the tuning of nginx' own.

use super::draft::set;
use super::key::Effect::{Ignored, Live};
use super::key::{BOOL, DURATION, NETWORKS, NUMBER, Row, TEXT};
use crate::translate::value::{Invalid, duration};

const HASHES: &str = "tables grow by themselves";
const THREADS: &str = "the gateway's flag --threads sets it; by default one per core";
const CONNECTIONS: &str =
    "the gateway's flag --max-connections sets it; by default what the limit of open files allows";
const RELOADS: &str = "there are no reloads";
const ADDRESSES: &str = "the gateway's flags --http-bind and --https-bind set it";
const STATUS: &str = "there is no /nginx_status; the admin port has /metrics";

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "worker-shutdown-timeout",
        DURATION,
        "",
        Live(|d, v| {
            let seconds = u32::try_from(duration(v)?.as_secs()).ok().filter(|time| (1..=86_400).contains(time));
            let invalid = || Invalid::new(v, "is out of range", "write a time from 1s to 24h");
            set(&mut d.settings.worker_shutdown_timeout, seconds.map(Some).ok_or_else(invalid))
        }),
    )
    .note("When the gateway leaves; without it the gateway's `--drain-timeout` holds. Keep it below the pod's grace period."),
    Row::new("worker-processes", TEXT, "auto", Ignored(THREADS)),
    Row::new("worker-cpu-affinity", TEXT, "", Ignored(THREADS)),
    Row::new("max-worker-connections", NUMBER, "16384", Ignored(CONNECTIONS)),
    Row::new("max-worker-open-files", NUMBER, "0", Ignored(CONNECTIONS)),
    Row::new("enable-multi-accept", BOOL, "true", Ignored("each core accepts by itself")),
    Row::new("reuse-port", BOOL, "true", Ignored("each core has a socket of its own")),
    Row::new("enable-serial-reloads", BOOL, "false", Ignored(RELOADS)),
    Row::new("enable-aio-write", BOOL, "true", Ignored("no body is written to a file")),
    Row::new("bind-address", "list of addresses", "", Ignored(ADDRESSES)),
    Row::new("disable-ipv6", BOOL, "false", Ignored(ADDRESSES)),
    Row::new("disable-ipv6-dns", BOOL, "false", Ignored("addresses of both families are endpoints")),
    Row::new("debug-connections", NETWORKS, "", Ignored("the gateway's flag --log-level sets it")),
    Row::new("map-hash-bucket-size", NUMBER, "64", Ignored(HASHES)),
    Row::new("proxy-headers-hash-bucket-size", NUMBER, "64", Ignored(HASHES)),
    Row::new("proxy-headers-hash-max-size", NUMBER, "512", Ignored(HASHES)),
    Row::new("server-name-hash-bucket-size", NUMBER, "", Ignored(HASHES)),
    Row::new("server-name-hash-max-size", NUMBER, "1024", Ignored(HASHES)),
    Row::new("variables-hash-bucket-size", NUMBER, "256", Ignored(HASHES)),
    Row::new("variables-hash-max-size", NUMBER, "2048", Ignored(HASHES)),
    Row::new("nginx-status-ipv4-whitelist", NETWORKS, "127.0.0.1", Ignored(STATUS)),
    Row::new("nginx-status-ipv6-whitelist", NETWORKS, "::1", Ignored(STATUS)),
];
