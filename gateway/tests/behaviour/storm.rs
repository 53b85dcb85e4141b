//! A storm of changes under load.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::load::Load;
use crate::support::manifest::{documents, ingress, service, site};
use std::time::{Duration, Instant};

const FILES: usize = 100;
const ROUNDS: usize = 10;

#[test]
fn a_hundred_rewritten_files_a_second_fail_no_request() {
    let (web, churn) = (Backend::named("web"), Backend::named("churn"));
    let file = |at: usize, round: usize| {
        let name = format!("churn{at}");
        let path = format!("/{round}");
        documents([
            service(&name, &[churn.address]),
            ingress(&name).path(&format!("h{at}.test"), "Prefix", &path, &name).text(),
        ])
    };
    let plan = (0..FILES)
        .fold(Edge::plan().file("site.yaml", site("a.test", "web", web.address)), |plan, at| {
            plan.file(&format!("churn{at}.yaml"), file(at, 0))
        });
    let edge = plan.start();
    let load = Load::start(edge.http, "a.test", "/", 4);
    load.wait_for(50);
    let started = Instant::now();
    for round in 1..=ROUNDS {
        for at in 0..FILES {
            edge.write(&format!("churn{at}.yaml"), file(at, round));
            // The pace is part of the test: one file every 10 ms.
            let due = Duration::from_millis(((round - 1) * FILES + at + 1) as u64 * 10);
            std::thread::sleep(due.saturating_sub(started.elapsed()));
        }
    }
    edge.until_ask("h99.test", &format!("/{ROUNDS}"), "churn");
    edge.until_ask("h0.test", &format!("/{ROUNDS}"), "churn");
    let account = load.finish();
    assert_eq!(account.failures, [], "of {}", account.answered);
    println!(
        "{} requests during {} rewrites in {:?}, none failed; longest gap of a client {:?}",
        account.answered,
        FILES * ROUNDS,
        started.elapsed(),
        account.longest_gap
    );
}
