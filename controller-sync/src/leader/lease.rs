//! The record of a Lease: what one says, and what the next one has to say.

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::ObjectMeta;
use std::time::Duration;

/// What this replica writes into a Lease.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// The name of the Lease.
    pub(super) name: String,
    /// Who we are.
    pub(super) holder: String,
    /// How long we hold it.
    pub(super) duration: Duration,
}

impl Identity {
    /// A Lease that nobody had before.
    pub(super) fn first(&self) -> Lease {
        let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
        let spec = LeaseSpec { lease_transitions: Some(0), ..self.spec() };
        Lease { metadata, spec: Some(spec) }
    }

    /// `found` as held by us from now on. A renewal keeps when we acquired it.
    pub(super) fn hold(&self, found: &Lease) -> Lease {
        let old = found.spec.clone().unwrap_or_default();
        let new = self.spec();
        let (acquire_time, transitions) = match self.holds(found) {
            true => (old.acquire_time, old.lease_transitions),
            false => (new.acquire_time, Some(old.lease_transitions.unwrap_or(0).saturating_add(1))),
        };
        let spec = LeaseSpec {
            holder_identity: new.holder_identity,
            lease_duration_seconds: new.lease_duration_seconds,
            renew_time: new.renew_time,
            acquire_time,
            lease_transitions: transitions,
            ..old
        };
        Lease { metadata: found.metadata.clone(), spec: Some(spec) }
    }

    /// `found` as held by nobody, so that the next one need not wait.
    pub(super) fn release(&self, found: &Lease) -> Lease {
        let old = found.spec.clone().unwrap_or_default();
        let now = Some(MicroTime(Timestamp::now()));
        let spec = LeaseSpec {
            holder_identity: Some(String::new()),
            lease_duration_seconds: Some(1),
            renew_time: now.clone(),
            acquire_time: now,
            ..old
        };
        Lease { metadata: found.metadata.clone(), spec: Some(spec) }
    }

    /// Whether it says that we hold it.
    pub(super) fn holds(&self, lease: &Lease) -> bool {
        holder(lease) == Some(&self.holder)
    }

    fn spec(&self) -> LeaseSpec {
        let now = Some(MicroTime(Timestamp::now()));
        LeaseSpec {
            holder_identity: Some(self.holder.clone()),
            lease_duration_seconds: Some(i32::try_from(self.duration.as_secs()).unwrap_or(i32::MAX).max(1)),
            acquire_time: now.clone(),
            renew_time: now,
            ..LeaseSpec::default()
        }
    }
}

/// Who holds it; `None` when nobody does.
pub(super) fn holder(lease: &Lease) -> Option<&String> {
    lease.spec.as_ref()?.holder_identity.as_ref().filter(|holder| !holder.is_empty())
}

/// How long its holder wants to hold it after each renewal.
pub(super) fn duration(lease: &Lease, default: Duration) -> Duration {
    let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
    seconds.map_or(default, |seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}
