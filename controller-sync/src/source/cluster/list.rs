//! Everything of one selection at once, page by page.
//!
//! The first page fixes the version; the others are of the same one. A page that is larger than there is room for is
//! asked for again in smaller pieces: what tenants store in their Secrets must not decide how much memory this takes.

use super::api::{Api, Failure};
use super::decode::{self, Item, Known};
use super::selection::{Selection, encode};

/// Objects on a page, as in other controllers.
const PAGE: usize = 500;

/// The most bytes of one page.
const MAX_PAGE_BYTES: usize = 32 * 1024 * 1024;

/// The most pages; what has more is no cluster.
const MAX_PAGES: usize = 100_000;

/// Everything there was at one version.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) items: Vec<Item>,
    pub(super) version: String,
}

/// Lists page by page. Objects whose version is `known` are not decoded. The answer is as new as the question
/// (Kubernetes, "Semantics for get and list": no `resourceVersion`).
pub(super) async fn list(api: &Api, selection: &Selection, known: Known<'_>) -> Result<Listing, Failure> {
    match pages(api, selection, known, PAGE).await {
        // Too slow for the history that the API server keeps: without pages there is nothing to continue.
        Err(failure) if failure.is_gone() => pages(api, selection, known, 0).await,
        other => other,
    }
}

async fn pages(api: &Api, selection: &Selection, known: Known<'_>, limit: usize) -> Result<Listing, Failure> {
    let mut limit = limit;
    let mut next: Option<String> = None;
    let mut items = Vec::new();
    for _ in 0..MAX_PAGES {
        let mut target = selection.target();
        target.push_str(&format!("limit={limit}"));
        if let Some(next) = &next {
            target.push_str("&continue=");
            encode(&mut target, next);
        }
        let room = if limit == 0 { usize::MAX } else { MAX_PAGE_BYTES };
        let page = match api.get(&target).await?.whole(api.timing.pause, room).await {
            Err(Failure::TooLarge) if limit > 1 => {
                limit = (limit / 4).max(1);
                continue;
            }
            other => decode::page(selection.subject, &other?, known)?,
        };
        items.extend(page.items);
        match page.next {
            None => return Ok(Listing { items, version: page.version }),
            some => next = some,
        }
    }
    Err(Failure::TooLarge)
}
