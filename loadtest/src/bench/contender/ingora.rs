//! Ingora: both programs as they run in a pod, N Ingresses of one Service from a folder, default settings but for two that a
//! bench needs: no redirect of plain HTTP, and no end of a connection after 1,000 requests.

use super::{Part, Setup};
use crate::bench::{Doing as _, Result, site};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// Ingresses in one file.
const FILE: usize = 100;

/// Writes the manifests and says how to start both programs, which stand in the folder `programs`.
pub(super) fn prepare(programs: &Path, setup: &Setup<'_>) -> Result<Vec<Part>> {
    let manifests = setup.folder.join("manifests");
    std::fs::create_dir_all(&manifests).doing(|| format!("cannot create {}", manifests.display()))?;
    setup.write("manifests/service.yaml", &service(setup)?)?;
    for first in (0..setup.routes).step_by(FILE) {
        let last = (first + FILE).min(setup.routes);
        setup.write(&format!("manifests/ingresses-{first}.yaml"), &ingresses(first..last))?;
    }
    let socket = setup.folder.join("sync.sock");
    let mut sync = Command::new(programs.join("ingora"));
    sync.arg("sync").arg("--manifests").arg(manifests).arg("--socket").arg(&socket);
    sync.args(["--configmap", "bench/settings", "--default-ssl-certificate", "bench/certificate"]);
    sync.args(["--healthz-port", &setup.ports.second_admin.to_string()]);
    let mut gateway = Command::new(programs.join("ingora-gateway"));
    gateway.arg("--socket").arg(socket).args(["--threads", "1", "--lame-duck", "0", "--drain-timeout", "1"]);
    for (flag, port) in [
        ("--http-bind", setup.ports.http),
        ("--https-bind", setup.ports.https),
        ("--admin-bind", setup.ports.admin),
    ] {
        gateway.args([flag, &format!("127.0.0.1:{port}")]);
    }
    Ok(vec![
        Part { name: "gateway", command: gateway, log: setup.access_log() },
        Part { name: "sync", command: sync, log: setup.folder.join("sync.log") },
    ])
}

/// The class, the settings, the certificate, and the one Service with its one endpoint.
///
/// # Errors
/// When the certificate cannot be read.
pub fn service(setup: &Setup<'_>) -> Result<String> {
    let read = |path: &Path| -> Result<String> {
        let pem = std::fs::read(path).doing(|| format!("cannot read {}", path.display()))?;
        Ok(openssl::base64::encode_block(&pem))
    };
    let (certificate, key) = (read(&setup.certificate.certificate)?, read(&setup.certificate.key)?);
    let (address, port) = (setup.backend.ip(), setup.backend.port());
    Ok(format!(
        r#"apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {{ name: ingora }}
spec: {{ controller: ingora.io/ingress-controller }}
---
apiVersion: v1
kind: ConfigMap
metadata: {{ name: settings, namespace: bench }}
data: {{ ssl-redirect: "false", keep-alive-requests: "1000000000" }}
---
apiVersion: v1
kind: Secret
metadata: {{ name: certificate, namespace: bench }}
type: kubernetes.io/tls
data: {{ tls.crt: {certificate}, tls.key: {key} }}
---
apiVersion: v1
kind: Service
metadata: {{ name: web, namespace: bench }}
spec: {{ ports: [{{ port: 80 }}] }}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{ name: web-1, namespace: bench, labels: {{ kubernetes.io/service-name: web }} }}
addressType: IPv4
endpoints: [{{ addresses: ["{address}"] }}]
ports: [{{ port: {port} }}]
"#
    ))
}

/// The Ingresses with these numbers, as one file.
pub fn ingresses(numbers: std::ops::Range<usize>) -> String {
    numbers.fold(String::new(), |mut text, number| {
        let host = site::host(number);
        let _ = write!(
            text,
            r#"---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{ name: host-{number}, namespace: bench }}
spec:
  ingressClassName: ingora
  tls: [{{ hosts: [{host}], secretName: certificate }}]
  rules:
    - host: {host}
      http: {{ paths: [{{ path: /, pathType: Prefix, backend: {{ service: {{ name: web, port: {{ number: 80 }} }} }} }}] }}
"#
        );
        text
    })
}
