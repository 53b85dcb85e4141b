//! `mirror-target`, `mirror-host`, `mirror-request-body`: a copy of each request that would reach an upstream. What becomes of it
//! stands in [`crate::mirror`].

use crate::mirror::{AT_ONCE_OF_ROUTE, Copy, Mirrors, Target};
use crate::proxy::Context;
use crate::table::CompiledRoute;
use crate::template::{Scope, header_value};
use crate::upstream::Group;
use http::Version;
use http::header::{CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING};
use ingora_config::policy;
use pingora::http::RequestHeader;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The mirror of one route.
#[derive(Debug)]
pub struct Mirror {
    policy: policy::Mirror,
    target: Arc<Target>,
    places: Arc<Semaphore>,
}

impl Mirror {
    /// Prepares it; `group` has the endpoints of the target.
    pub fn compile(policy: &policy::Mirror, group: Arc<Group>) -> Self {
        let target = Target::new(policy.tls, &policy.host, group);
        let places = Arc::new(Semaphore::new(AT_ONCE_OF_ROUTE));
        Self { policy: policy.clone(), target: Arc::new(target), places }
    }

    /// Whether bodies are copied.
    pub fn wants_body(&self) -> bool {
        self.policy.body
    }

    /// Begins a copy. `client` is the request as it came, `head` the same with the headers that upstreams get.
    pub fn begin(
        &self,
        mirrors: &Arc<Mirrors>,
        route: &CompiledRoute,
        client: &RequestHeader,
        mut head: RequestHeader,
        ctx: &Context,
    ) -> Option<Copy> {
        if self.address(route, client, &mut head, ctx).is_none() {
            mirrors.drop_one();
            return None;
        }
        mirrors.copy(&self.target, &self.places, head)
    }

    /// Sets target, Host and framing.
    fn address(
        &self,
        route: &CompiledRoute,
        client: &RequestHeader,
        head: &mut RequestHeader,
        ctx: &Context,
    ) -> Option<()> {
        let scope = Scope { request: client, ctx, route, groups: None };
        let target = header_value(&scope.render(&self.policy.target).ok()?);
        let host = header_value(&scope.render(&self.policy.host_header).ok()?);
        let slash: &[u8] = if target.as_bytes().starts_with(b"/") { b"" } else { b"/" };
        head.set_raw_path(&[slash, target.as_bytes()].concat()).ok()?;
        head.set_version(Version::HTTP_11);
        head.insert_header(HOST, host).ok()?;
        // How long the body is will be known when it is there.
        for name in [CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT] {
            head.remove_header(&name);
        }
        Some(())
    }
}
