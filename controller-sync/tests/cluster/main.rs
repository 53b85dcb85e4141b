//! Cluster: both real programs against a real kube-apiserver, kube-controller-manager and etcd, under the role that the
//! chart gives them and never as administrator. One module per subject; what they share stands in `support`.
//!
//! ```text
//!   cargo test                                    a network namespace and a process namespace of our own
//!    └─ main ── enclosure ──────────────────────────┐
//!                                                   ▼
//!                              main again ── trials (threads), all against one cluster
//!                                │               ├── Site: one Kubernetes namespace, ServiceAccount and class per test
//!                                │               └── Edge: ingora sync + ingora-gateway, as in the behaviour tests
//!                                └── etcd · kube-apiserver · kube-controller-manager
//! ```
//!
//! `harness = false`, because a namespace can only be entered before the first thread starts, and the harness of the
//! standard library starts threads before anybody is asked. Names, filters and `--list` are those of every test.

#![cfg(test)]

mod basics;
mod chart;
mod enclosure;
mod faults;
mod harness;
mod lists;
mod outage;
mod permissions;
mod replicas;
mod scale;
mod status;
mod support;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

fn trials() -> Vec<Trial> {
    [
        basics::trials(),
        chart::trials(),
        faults::trials(),
        harness::trials(),
        lists::trials(),
        outage::trials(),
        permissions::trials(),
        replicas::trials(),
        scale::trials(),
        status::trials(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    if arguments.list || enclosure::inside() {
        return libtest_mimic::run(&arguments, trials()).exit_code();
    }
    match enclosure::possible() {
        Ok(()) => enclosure::run(),
        Err(why) if enclosure::required() => {
            eprintln!("error: the cluster tests must not be skipped here, but {why}");
            ExitCode::FAILURE
        }
        Err(why) => {
            eprintln!("note: the cluster tests are skipped: {why}");
            let ignored = trials().into_iter().map(|trial| trial.with_ignored_flag(true)).collect();
            libtest_mimic::run(&arguments, ignored).exit_code()
        }
    }
}
