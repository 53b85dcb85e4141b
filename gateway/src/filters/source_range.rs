//! `denylist-source-range`, `allowlist-source-range`: who may ask. The deny list is asked first; a list of the route's own
//! replaces the ConfigMap's list of the same kind.

use crate::answer::Answer;
use crate::networks::Networks;
use crate::proxy::Context;
use crate::reason::Reason;
use ingora_config::policy;
use ingora_config::settings::SourceRangeDefaults;
use ipnet::IpNet;
use std::net::IpAddr;

/// The lists of a route.
#[derive(Debug)]
pub struct SourceRange {
    denylist: Option<Networks>,
    allowlist: Option<Networks>,
}

impl SourceRange {
    /// Compiles what annotations ask for.
    pub fn compile(lists: &policy::SourceRange) -> Self {
        let compile = |list: &Option<Vec<IpNet>>| list.as_deref().map(Networks::new);
        Self { denylist: compile(&lists.denylist), allowlist: compile(&lists.allowlist) }
    }
}

/// The lists of the ConfigMap.
#[derive(Debug)]
pub struct Defaults {
    block: Networks,
    denylist: Networks,
    allowlist: Networks,
}

impl Defaults {
    /// `None` when they keep nobody out.
    pub fn new(settings: &SourceRangeDefaults) -> Option<Self> {
        let SourceRangeDefaults { denylist, allowlist, block } = settings;
        let any = !(denylist.is_empty() && allowlist.is_empty() && block.is_empty());
        any.then(|| Self {
            block: Networks::new(block),
            denylist: Networks::new(denylist),
            allowlist: Networks::new(allowlist),
        })
    }
}

/// Where a client stands with the lists of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// On a deny list.
    Denied,
    /// On the allow list.
    Listed,
    /// Not on the allow list.
    Stranger,
    /// There is no allow list.
    Unasked,
}

/// Where the client stands with the lists that hold for a route.
pub(super) fn standing(own: Option<&SourceRange>, ctx: &Context) -> Standing {
    let defaults = ctx.table().compiled().source_range.as_ref();
    if own.is_none() && defaults.is_none() {
        return Standing::Unasked;
    }
    stand(own, defaults, ctx.client)
}

/// Whether the client may ask for anything: `block-cidrs` holds where no route does.
///
/// # Errors
/// The refusal.
pub fn check_anywhere(ctx: &Context) -> Result<(), Answer> {
    match &ctx.table().compiled().source_range {
        Some(defaults) if defaults.block.contains(ctx.client) => Err(Answer::page(Reason::SourceForbidden)),
        _ => Ok(()),
    }
}

fn stand(own: Option<&SourceRange>, defaults: Option<&Defaults>, client: IpAddr) -> Standing {
    let denylist =
        own.and_then(|own| own.denylist.as_ref()).or_else(|| defaults.map(|defaults| &defaults.denylist));
    let allowlist = own
        .and_then(|own| own.allowlist.as_ref())
        // Only the ConfigMap's list may be empty: it is everybody then.
        .or_else(|| defaults.map(|defaults| &defaults.allowlist).filter(|list| !list.is_empty()));
    let on = |list: Option<&Networks>| list.map(|list| list.contains(client));
    let blocked = on(defaults.map(|defaults| &defaults.block)).unwrap_or(false);
    match on(allowlist) {
        _ if blocked || on(denylist).unwrap_or(false) => Standing::Denied,
        Some(true) => Standing::Listed,
        Some(false) => Standing::Stranger,
        None => Standing::Unasked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may_ask(own: Option<&SourceRange>, defaults: Option<&Defaults>, client: IpAddr) -> bool {
        matches!(stand(own, defaults, client), Standing::Listed | Standing::Unasked)
    }

    fn list(text: &str) -> Vec<IpNet> {
        text.split_whitespace().map(|network| network.parse().unwrap()).collect()
    }

    #[test]
    fn the_deny_list_comes_first_and_own_lists_replace_those_of_the_config_map() {
        let defaults = Defaults::new(&SourceRangeDefaults {
            denylist: list("10.0.0.0/8"),
            allowlist: list("10.0.0.0/7 192.0.2.0/24"),
            block: list("192.0.2.99/32"),
        });
        let own = |deny: Option<&str>, allow: Option<&str>| {
            SourceRange::compile(&policy::SourceRange {
                denylist: deny.map(list),
                allowlist: allow.map(list),
            })
        };
        let both = own(Some("192.0.2.0/28"), Some("192.0.2.0/24"));
        let (deny, allow) =
            (own(Some("203.0.113.0/24"), None), own(None, Some("10.1.0.0/16 198.51.100.0/24")));
        for (name, own, defaults, client, want) in [
            ("nothing", None, None, "1.1.1.1", true),
            ("denied and allowed", Some(&both), None, "192.0.2.7", false),
            ("allowed", Some(&both), None, "192.0.2.200", true),
            ("not allowed", Some(&both), None, "1.1.1.1", false),
            ("an IPv6 client is on no list of IPv4", Some(&both), None, "::1", false),
            ("blocked", Some(&both), defaults.as_ref(), "192.0.2.99", false),
            ("the ConfigMap's deny list", None, defaults.as_ref(), "10.0.0.1", false),
            ("the ConfigMap's allow list", None, defaults.as_ref(), "11.0.0.1", true),
            ("not on the ConfigMap's allow list", None, defaults.as_ref(), "1.1.1.1", false),
            ("an own deny list replaces", Some(&deny), defaults.as_ref(), "10.0.0.1", true),
            ("and leaves the allow list", Some(&deny), defaults.as_ref(), "1.1.1.1", false),
            ("an own allow list replaces", Some(&allow), defaults.as_ref(), "198.51.100.1", true),
            ("and leaves the deny list", Some(&allow), defaults.as_ref(), "10.1.0.1", false),
        ] {
            assert_eq!(may_ask(own, defaults, client.parse().unwrap()), want, "{name}: {client}");
        }
    }

    #[test]
    fn an_empty_list_of_a_route_lets_nobody_in_and_an_empty_one_of_the_config_map_everybody() {
        let own = SourceRange { denylist: None, allowlist: Some(Networks::default()) };
        assert!(!may_ask(Some(&own), None, "1.1.1.1".parse().unwrap()));
        let defaults = Defaults::new(&SourceRangeDefaults { block: list("::1/128"), ..Default::default() });
        assert!(may_ask(None, defaults.as_ref(), "1.1.1.1".parse().unwrap()));
        assert!(Defaults::new(&SourceRangeDefaults::default()).is_none());
    }
}
