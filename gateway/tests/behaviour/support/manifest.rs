//! Kubernetes objects as YAML text. Everything stands in the namespace `test`.

use std::net::SocketAddr;

/// The IngressClass whose Ingresses are ours.
pub(crate) const CLASS: &str = "
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: { name: ingora }
spec: { controller: ingora.io/ingress-controller }
";

/// Several objects in one file.
pub(crate) fn documents<T: AsRef<str>>(objects: impl IntoIterator<Item = T>) -> String {
    objects.into_iter().map(|object| format!("---\n{}\n", object.as_ref())).collect()
}

/// A Service with port 80 named `http`, and one EndpointSlice with `addresses` (all of one family and port).
pub(crate) fn service(name: &str, addresses: &[SocketAddr]) -> String {
    documents([bare_service(name), slice(name, "1", addresses, "{ ready: true }")])
}

/// A Service with port 80 named `http` and nothing behind it.
pub(crate) fn bare_service(name: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Service
metadata: {{ name: {name}, namespace: test }}
spec: {{ ports: [{{ name: http, port: 80 }}] }}
"
    )
}

/// A Service whose endpoints speak HTTP/2 in clear text.
pub(crate) fn h2c_service(name: &str, address: SocketAddr) -> String {
    let service = bare_service(name).replace("port: 80 }", "port: 80, appProtocol: kubernetes.io/h2c }");
    documents([service, slice(name, "1", &[address], "{ ready: true }")])
}

/// An EndpointSlice of a Service; `conditions` is YAML. Without addresses it is an empty slice.
pub(crate) fn slice(service: &str, suffix: &str, addresses: &[SocketAddr], conditions: &str) -> String {
    let family = if addresses.iter().any(SocketAddr::is_ipv6) { "IPv6" } else { "IPv4" };
    let port = addresses.first().map_or(80, SocketAddr::port);
    let endpoints: String = addresses
        .iter()
        .map(|address| {
            assert_eq!(address.port(), port, "one slice has one port");
            format!("\n  - {{ addresses: [\"{}\"], conditions: {conditions} }}", address.ip())
        })
        .collect();
    let endpoints = if endpoints.is_empty() { " []".to_owned() } else { endpoints };
    format!(
        "
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: {service}-{suffix}
  namespace: test
  labels: {{ kubernetes.io/service-name: {service} }}
addressType: {family}
ports: [{{ name: http, port: {port} }}]
endpoints:{endpoints}
"
    )
}

/// An Ingress under construction; `text` ends it.
#[derive(Clone)]
pub(crate) struct Ingress {
    name: String,
    class: Option<String>,
    metadata: String,
    default_backend: Option<String>,
    tls: Vec<String>,
    rules: Vec<(String, Vec<String>)>,
}

/// An Ingress of class `ingora`.
pub(crate) fn ingress(name: &str) -> Ingress {
    Ingress {
        name: name.to_owned(),
        class: Some("ingora".to_owned()),
        metadata: String::new(),
        default_backend: None,
        tls: Vec::new(),
        rules: Vec::new(),
    }
}

impl Ingress {
    /// `spec.ingressClassName`; `None` leaves it out.
    pub(crate) fn class(mut self, class: Option<&str>) -> Self {
        self.class = class.map(str::to_owned);
        self
    }

    /// `metadata.creationTimestamp`.
    pub(crate) fn created(mut self, timestamp: &str) -> Self {
        self.metadata += &format!("\n  creationTimestamp: \"{timestamp}\"");
        self
    }

    /// One annotation.
    pub(crate) fn annotation(mut self, name: &str, value: &str) -> Self {
        if !self.metadata.contains("annotations:") {
            self.metadata += "\n  annotations:";
        }
        self.metadata += &format!("\n    {name}: \"{value}\"");
        self
    }

    /// `spec.defaultBackend`: port 80 of a Service.
    pub(crate) fn default_backend(mut self, service: &str) -> Self {
        self.default_backend = Some(service.to_owned());
        self
    }

    /// One entry of `spec.tls`.
    pub(crate) fn tls(mut self, hosts: &[&str], secret: &str) -> Self {
        self.tls.push(format!("\n  - {{ hosts: {hosts:?}, secretName: \"{secret}\" }}"));
        self
    }

    /// One path, added to the last rule when that has the same host. The empty host is a rule without one.
    pub(crate) fn path(self, host: &str, kind: &str, path: &str, service: &str) -> Self {
        self.backend(host, kind, path, &format!("service: {{ name: {service}, port: {{ number: 80 }} }}"))
    }

    /// One path with any backend, as YAML.
    pub(crate) fn backend(mut self, host: &str, kind: &str, path: &str, backend: &str) -> Self {
        let text = format!("\n      - {{ path: \"{path}\", pathType: {kind}, backend: {{ {backend} }} }}");
        match self.rules.last_mut() {
            Some((last, paths)) if last == host => paths.push(text),
            _ => self.rules.push((host.to_owned(), vec![text])),
        }
        self
    }

    /// The YAML.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: {}\n  namespace: test{}\nspec:\n",
            self.name, self.metadata
        );
        if let Some(class) = &self.class {
            text += &format!("  ingressClassName: {class}\n");
        }
        if let Some(service) = &self.default_backend {
            text +=
                &format!("  defaultBackend: {{ service: {{ name: {service}, port: {{ number: 80 }} }} }}\n");
        }
        if !self.tls.is_empty() {
            text += &format!("  tls:{}\n", self.tls.concat());
        }
        if !self.rules.is_empty() {
            text += "  rules:";
            for (host, paths) in &self.rules {
                let host = if host.is_empty() { String::new() } else { format!("host: \"{host}\"\n    ") };
                text += &format!("\n  - {host}http:\n      paths:{}", paths.concat());
            }
        }
        text
    }
}

/// An Ingress of the host `name.test` to the Service `web`, with annotations of the usual prefix.
pub(crate) fn annotated(name: &str, annotations: &[(&str, &str)]) -> Ingress {
    let site = ingress(name).path(&format!("{name}.test"), "Prefix", "/", "web");
    annotations.iter().fold(site, |site, (annotation, value)| {
        site.annotation(&format!("nginx.ingress.kubernetes.io/{annotation}"), value)
    })
}

/// The most common file: one Ingress that sends one host to one Service.
pub(crate) fn site(host: &str, name: &str, address: SocketAddr) -> String {
    documents([service(name, &[address]), ingress(name).path(host, "Prefix", "/", name).text()])
}
