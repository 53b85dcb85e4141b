//! A short run of every fuzz target on every `cargo test`: from seeds, with mutations from a fixed random sequence.
//!
//! `INGORA_FUZZ_RUNS=1000000 cargo test -p ingora-controller-sync --release --test fuzz` runs longer, and
//! `INGORA_FUZZ_SEED` starts elsewhere. A failure prints the input; put it into the seeds of its target.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

#[path = "fuzz/mutate.rs"]
mod mutate;
#[path = "fuzz/targets.rs"]
mod targets;

use ingora_controller_sync::translate::annotations::table;
use mutate::Mutator;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many inputs each target gets.
fn runs() -> usize {
    std::env::var("INGORA_FUZZ_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(3000)
}

fn fuzz(seeds: &[&str], target: impl Fn(&str)) {
    let mut mutator = Mutator::new(seeds);
    for run in 0..runs() {
        let input = if run < seeds.len() { seeds[run].to_owned() } else { mutator.next() };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(&input))) {
            eprintln!("input of the failure: {input:?}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn no_value_of_any_annotation_breaks_translation() {
    let names: Vec<&str> = table::rows().map(|row| row.name).collect();
    // Each name gets its share of the runs, the more so the longer the run.
    let next = std::cell::Cell::new(0);
    fuzz(targets::ANNOTATION_VALUES, |value| {
        for _ in 0..4 {
            next.set(next.get() + 1);
            targets::annotation(names[next.get() % names.len()], value);
        }
    });
}

/// Of a canary other parsers read than of an ordinary Ingress, and most only beside others.
#[test]
fn no_value_of_a_canary_breaks_translation() {
    let rows = table::rows().filter(|row| row.feature == "canary" && row.name != "canary");
    let names: Vec<&str> = rows.map(|row| row.name).collect();
    let next = std::cell::Cell::new(0);
    fuzz(targets::ANNOTATION_VALUES, |value| {
        next.set(next.get() + 1);
        let name = names[next.get() % names.len()];
        let set = [("canary", "true"), ("canary-by-header", "x-canary"), (name, value)];
        targets::annotations(&set.map(|(name, value)| (name.to_owned(), value.to_owned())));
    });
}

#[test]
fn no_set_of_annotations_breaks_translation() {
    let names: Vec<&str> = table::rows().map(|row| row.name).collect();
    let mut mutator = Mutator::new(targets::ANNOTATION_VALUES);
    for _ in 0..runs() / 10 {
        let count = mutator.below(40);
        let set: Vec<(String, String)> = (0..count)
            .map(|_| {
                let name = names[mutator.below(names.len())];
                let name = if mutator.below(8) == 0 { mutator.next() } else { name.to_owned() };
                (name, mutator.next())
            })
            .collect();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| targets::annotations(&set))) {
            eprintln!("input of the failure: {set:?}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn no_host_or_path_breaks_translation() {
    fuzz(targets::PATHS, |text| targets::rule("a.example", text));
    fuzz(targets::HOSTS, |text| targets::rule(text, "/"));
}
