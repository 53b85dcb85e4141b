//! The addresses of one Service port.

use crate::object::endpoint_slice::SlicePort;
use crate::object::service::ServicePortSpec;
use crate::object::{EndpointSlice, Service};
use crate::store::{Options, Resolution};
use ingora_config::{Endpoint, HostName, ServicePort};
use std::net::{IpAddr, SocketAddr};

/// What an ExternalName Service points to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum External<'a> {
    /// An address, as some write it although Kubernetes means a name.
    Address(IpAddr),
    /// A name to resolve.
    Name(&'a str),
    /// Neither.
    Invalid(&'a str),
}

impl<'a> External<'a> {
    /// `None` for a Service that is no ExternalName.
    pub(super) fn of(service: &'a Service) -> Option<Self> {
        service.external_name().map(Self::named)
    }

    /// What a text names.
    pub(super) fn named(text: &'a str) -> Self {
        match text.parse() {
            Ok(address) => Self::Address(address),
            Err(_) if HostName::new(text).is_ok() => Self::Name(text),
            Err(_) => Self::Invalid(text),
        }
    }
}

/// Addresses, sorted and without duplicates, and whether some were left out because nobody may be sent there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) refused: bool,
}

impl Addresses {
    fn add(&mut self, address: IpAddr, port: u16, target: &str, options: &Options) {
        let address = address.to_canonical();
        if !may_be_endpoint(address, options) {
            self.refused = true;
        } else if port != 0 {
            let address = SocketAddr::new(address, port);
            self.endpoints.push(Endpoint { address, target: target.to_owned() });
        }
    }

    fn sorted(mut self) -> Self {
        self.endpoints.sort_unstable();
        self.endpoints.dedup_by_key(|endpoint| endpoint.address);
        self
    }
}

/// Whether requests may be sent to an address. The API server refuses the same ones in EndpointSlices; DNS answers pass
/// no such check, and would let a Service's author reach the gateway's own ports or the cloud's metadata service.
fn may_be_endpoint(address: IpAddr, options: &Options) -> bool {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !address.is_unspecified()
        && !address.is_multicast()
        && !link_local
        && (options.allow_loopback_endpoints || !address.is_loopback())
}

/// The endpoints of a Service port, from all slices of the Service. Slices carry the *name* of the Service's port, also
/// for headless Services and for Services without a selector.
pub(super) fn from_slices<'a>(
    slices: impl Iterator<Item = &'a EndpointSlice>,
    port: &ServicePortSpec,
    options: &Options,
) -> Addresses {
    let (mut ready, mut terminating) = (Addresses::default(), Addresses::default());
    for slice in slices.filter(|slice| matches!(&*slice.address_type, "IPv4" | "IPv6")) {
        let Some(number) = slice_port(slice, port) else { continue };
        for endpoint in &slice.endpoints {
            let list = if endpoint.conditions.is_ready() {
                &mut ready
            } else if endpoint.conditions.serves_while_terminating() {
                &mut terminating
            } else {
                continue;
            };
            let target = endpoint.target_ref.as_ref().map_or("", |target| &*target.uid);
            for address in endpoint.addresses.iter().filter_map(|text| text.parse().ok()) {
                list.add(address, number, target, options);
            }
        }
    }
    if ready.endpoints.is_empty() && !ready.refused { terminating.sorted() } else { ready.sorted() }
}

/// The number that the endpoints of a slice listen on for a Service port. As in ingress-nginx a Service port without a
/// name takes any port of the slice, and where no name fits, or the slice has no ports, a numeric `targetPort` counts.
fn slice_port(slice: &EndpointSlice, port: &ServicePortSpec) -> Option<u16> {
    let tcp = |own: &&SlicePort| own.protocol.as_deref().is_none_or(|protocol| protocol == "TCP");
    let mut ports = slice.ports.iter().filter(tcp).filter(|own| own.port.is_some());
    let named = ports.clone().find(|own| own.name == port.name);
    let any = || ports.clone().next().filter(|_| port.name.is_empty());
    if let Some(own) = named.or_else(any) {
        return own.port;
    }
    let target = || match &port.target_port {
        Some(target) => target.number(),
        // What the API server fills in.
        None => Some(port.port),
    };
    if slice.ports.is_empty() || ports.next().is_some() { target() } else { None }
}

/// The Service's own address, for `service-upstream`; `None` for a headless or ExternalName Service, and for an address
/// that requests may not be sent to.
pub(super) fn service_address(
    service: &Service,
    port: &ServicePortSpec,
    options: &Options,
) -> Option<SocketAddr> {
    let text = service.spec.cluster_ip.as_deref().filter(|_| service.external_name().is_none())?;
    let address = text.parse::<IpAddr>().ok()?.to_canonical();
    (port.port != 0 && may_be_endpoint(address, options)).then(|| SocketAddr::new(address, port.port))
}

/// The endpoints of an ExternalName Service. Its port is `targetPort` when that is a number, else `port`; a number that
/// the backend names and the Service does not have is taken as it is (ingress-nginx).
pub(super) fn from_external(
    external: &External<'_>,
    resolution: Option<&Resolution>,
    port: u16,
    options: &Options,
) -> Addresses {
    let mut addresses = Addresses::default();
    match external {
        External::Address(address) => addresses.add(*address, port, "", options),
        External::Name(_) => {
            for address in resolution.iter().flat_map(|resolution| &resolution.addresses) {
                addresses.add(*address, port, "", options);
            }
        }
        External::Invalid(_) => {}
    }
    addresses.sorted()
}

/// The port of an ExternalName Service; `None` when it has no such port.
pub(super) fn external_port(spec: Option<&ServicePortSpec>, port: &ServicePort) -> Option<u16> {
    match (spec, port) {
        (Some(spec), _) => {
            Some(spec.target_port.as_ref().and_then(|target| target.number()).unwrap_or(spec.port))
        }
        (None, ServicePort::Number(number)) => Some(*number),
        _ => None,
    }
}
