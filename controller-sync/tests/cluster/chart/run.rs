//! The programs run as the chart says: its arguments, variables, mounts and roles, a token of its ServiceAccount.

use crate::support::chart::workload;
use crate::support::http1;
use crate::support::load::{Account, Load};
use crate::support::manifest::site;
use crate::support::object::documents;
use crate::support::pod::Pod;
use crate::support::ports::free_port;
use crate::support::process::Program;
use crate::support::site::Site;
use crate::support::trial::trials;
use crate::support::until;
use serde_json::{Value, json};
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

trials! {
    trial:
        it_serves_writes_status_holds_the_lease_and_is_refused_nothing,
        on_the_network_of_the_node_the_gateway_has_one_right_and_serves_port_80,
        a_namespace_of_ones_own_is_served_without_a_cluster_role,
        another_namespace_is_served_with_rights_in_that_one_alone,
        a_rolling_update_behind_a_service_loses_no_request,
        two_gateways_on_one_port_hand_over_without_losing_a_request;
}

/// The address of the load balancer in front.
const BALANCER: &str = "203.0.113.80";

/// A release of the chart in the namespace of a test, whose Pods run on this machine.
pub(super) struct Release {
    /// Its namespace, backends and objects.
    pub(super) site: Site<'static>,
    values: Vec<String>,
}

impl Release {
    /// Ports that are free, addresses of this machine, and a class of its own.
    pub(super) fn install(name: &str, further: &str) -> Self {
        let site = Site::new(name);
        let class = format!("{}-chart", site.namespace);
        let (http, https, health, sync) = (free_port(), free_port(), free_port(), free_port());
        let values = format!(
            "fullnameOverride={class},controller.ingressClassResource.name={class},controller.ingressClass={class},\
             controller.ingressClassResource.controllerValue=ingora.test/{class},\
             controller.containerPort.http={http},controller.containerPort.https={https},\
             controller.gateway.listenAddress=127.0.0.1,controller.healthCheckHost=127.0.0.1,\
             controller.metrics.port={health},controller.sync.healthPort={sync},\
             controller.terminationGracePeriodSeconds=12,controller.gateway.lameDuckSeconds=3,\
             controller.gateway.threads=2,{further}"
        );
        let release = Self { site, values: vec![values] };
        release.helm("install");
        let service =
            format!("/api/v1/namespaces/{}/services/{class}-controller/status", release.site.namespace);
        let balancer = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": BALANCER }] } } });
        if further.is_empty() {
            release.site.cluster.admin.merge(&service, &balancer);
        }
        release
    }

    fn helm(&self, verb: &str) {
        let mut arguments = vec![verb, "edge", ".", "--namespace", &self.site.namespace];
        self.values.iter().for_each(|values| arguments.extend(["--set", values]));
        self.site.cluster.helm(&arguments).unwrap();
    }

    /// Changes values.
    fn upgrade(&mut self, values: &str) {
        self.values.push(values.to_owned());
        self.helm("upgrade");
    }

    fn class(&self) -> String {
        format!("{}-chart", self.site.namespace)
    }

    /// The workload as the API server has it.
    fn workload(&self) -> Value {
        let path = format!(
            "/apis/apps/v1/namespaces/{0}/daemonsets/{1}-controller",
            self.site.namespace,
            self.class()
        );
        let mut object = self.site.cluster.admin.get(&path);
        object["kind"] = json!("DaemonSet");
        workload(&[object]).clone()
    }

    /// Starts a Pod of it on this machine.
    pub(super) fn pod(&self, name: &str) -> Pod {
        Pod::start(self.site.cluster, &self.workload(), name)
    }

    /// Applies a manifest of the behaviour tests with the class of the release.
    pub(super) fn apply(&self, text: &str) {
        self.apply_in(&self.site.namespace, text);
    }

    fn apply_in(&self, namespace: &str, text: &str) {
        for mut object in documents(text) {
            object["metadata"]["namespace"] = json!(namespace);
            if object["kind"] == "Ingress" {
                object["spec"]["ingressClassName"] = json!(self.class());
            }
            self.site.cluster.admin.apply(&object);
        }
    }

    fn refusals(&self) -> Vec<String> {
        self.site.cluster.refusals(&format!("system:serviceaccount:{}:{}", self.site.namespace, self.class()))
    }
}

fn body(address: SocketAddr, host: &str) -> String {
    http1::get(address, host, "/").map_or_else(|error| error.to_string(), |answer| answer.text())
}

fn it_serves_writes_status_holds_the_lease_and_is_refused_nothing() {
    let mut release = Release::install("chart-run", "");
    let backend = release.site.backend("web");
    release.apply(&site("a.test", "web", backend.address));
    let pod = release.pod("ingora-0");
    pod.wait_ready();
    until("the Ingress is served", || body(pod.http, "a.test") == "web");
    let admin = &release.site.cluster.admin;
    until("the address of the Service is in its status", || {
        admin.get(&release.site.ingress_path("web"))["status"]["loadBalancer"]["ingress"][0]["ip"] == BALANCER
    });
    let lease = format!(
        "/apis/coordination.k8s.io/v1/namespaces/{}/leases/{}-leader",
        release.site.namespace,
        release.class()
    );
    until("the Pod holds the Lease", || {
        let holder = admin.get(&lease)["spec"]["holderIdentity"].clone();
        holder.as_str().is_some_and(|holder| holder.starts_with("ingora-0"))
    });
    // The ConfigMap and the one that it names, both by the chart's names.
    release.upgrade("controller.addHeaders.X-Chart=yes,controller.config.server-tokens=false");
    until("a changed value is served without a restart", || {
        http1::get(pod.http, "a.test", "/").is_ok_and(|answer| answer.header("x-chart") == Some("yes"))
    });
    let metrics = http1::get(pod.health, "prometheus", "/metrics").unwrap().text();
    let labels = format!("controller_namespace=\"{}\",controller_pod=\"ingora-0\"", release.site.namespace);
    assert!(metrics.contains(&labels) || metrics.contains("controller_pod=\"ingora-0\""), "{metrics}");
    assert_eq!(release.refusals(), [""; 0]);
    assert_eq!((rights(&pod.gateway), rights(&pod.sync)), (0, 0));
}

/// The capabilities that a program has (Linux: `CapEff`).
fn rights(program: &Program) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    u64::from_str_radix(line.trim(), 16).unwrap()
}

fn on_the_network_of_the_node_the_gateway_has_one_right_and_serves_port_80() {
    const NET_BIND_SERVICE: u64 = 1 << 10;
    let release =
        Release::install("chart-host", "controller.hostNetwork=true,controller.service.enabled=false");
    let backend = release.site.backend("web");
    release.apply(&site("a.test", "web", backend.address));
    let pod = release.pod("ingora-0");
    assert_eq!(pod.http.port(), 80);
    pod.wait_ready();
    until("the Ingress is served", || body(pod.http, "a.test") == "web");
    assert_eq!((rights(&pod.gateway), rights(&pod.sync)), (NET_BIND_SERVICE, 0));
}

fn a_namespace_of_ones_own_is_served_without_a_cluster_role() {
    let release = Release::install(
        "chart-scope",
        "controller.scope.enabled=true,rbac.scope=true,controller.service.type=ClusterIP",
    );
    let backend = release.site.backend("web");
    let manifest = site("a.test", "web", backend.address);
    for mut object in documents(&manifest) {
        object["metadata"]["namespace"] = json!(release.site.namespace);
        if object["kind"] == "Ingress" {
            object["spec"].as_object_mut().unwrap().remove("ingressClassName");
            object["metadata"]["annotations"]["kubernetes.io/ingress.class"] = json!(release.class());
        }
        release.site.cluster.admin.apply(&object);
    }
    let role = format!("/apis/rbac.authorization.k8s.io/v1/clusterroles/{}", release.class());
    let answer = release.site.cluster.admin.call("GET", &role, "application/json", "").unwrap();
    assert_eq!(answer.status, 404);
    let pod = release.pod("ingora-0");
    pod.wait_ready();
    until("the Ingress is served", || body(pod.http, "a.test") == "web");
    until("its status is written", || {
        let status = release.site.cluster.admin.get(&release.site.ingress_path("web"));
        status["status"]["loadBalancer"]["ingress"][0]["ip"].as_str().is_some()
    });
    let unexpected = |what: &String| !what.contains("ingressclasses");
    let refusals: Vec<_> = release.refusals().into_iter().filter(unexpected).collect();
    assert_eq!(refusals, [""; 0]);
}

fn another_namespace_is_served_with_rights_in_that_one_alone() {
    let tenant = Site::new("chart-tenant");
    let release = Release::install(
        "chart-elsewhere",
        &format!(
            "controller.scope.enabled=true,controller.scope.namespace={},controller.service.type=ClusterIP",
            tenant.namespace
        ),
    );
    let backend = tenant.backend("web");
    release.apply_in(&tenant.namespace, &site("a.test", "web", backend.address));
    release.apply(&site("b.test", "web", backend.address));
    let pod = release.pod("ingora-0");
    pod.wait_ready();
    until("the Ingress is served", || body(pod.http, "a.test") == "web");
    let admin = &release.site.cluster.admin;
    let path =
        format!("/api/v1/namespaces/{}/services/{}-controller", release.site.namespace, release.class());
    let address = admin.get(&path)["spec"]["clusterIP"].clone();
    until("the address of the Service is in its status", || {
        admin.get(&tenant.ingress_path("web"))["status"]["loadBalancer"]["ingress"][0]["ip"] == address
    });
    assert_ne!(body(pod.http, "b.test"), "web", "its own namespace is not served");
    assert_eq!(release.refusals(), [""; 0]);
}

/// What a Service does: every new connection goes to a Pod that is ready, at least it was a moment ago.
struct Service {
    address: SocketAddr,
    endpoints: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Service {
    fn start(first: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let endpoints = Arc::new(Mutex::new(vec![first]));
        let chosen = Arc::clone(&endpoints);
        thread::spawn(move || {
            for (turn, client) in listener.incoming().flatten().enumerate() {
                let pod = {
                    let endpoints = chosen.lock().unwrap();
                    endpoints[turn % endpoints.len()]
                };
                // A Pod that is gone refuses; so does then the Service.
                let Ok(server) = TcpStream::connect(pod) else { continue };
                forward(client.try_clone().unwrap(), server.try_clone().unwrap());
                forward(server, client);
            }
        });
        Self { address, endpoints }
    }

    fn send_to(&self, pods: &[SocketAddr]) {
        *self.endpoints.lock().unwrap() = pods.to_vec();
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}

/// Ends a Pod as the kubelet does: the gateway is told at once, sync when its hook has slept as long as the lame duck.
fn terminate(mut pod: Pod) {
    pod.gateway.signal("TERM");
    let mut served = false;
    until("the gateway leaves", || {
        served |= !pod.is_ready() && pod.sync.exit_status().is_none();
        pod.gateway.exit_status().is_some()
    });
    assert!(served, "it was never a lame duck");
    assert!(pod.gateway.exit_status().unwrap().success());
    pod.sync.signal("TERM");
    until("sync leaves", || pod.sync.exit_status().is_some());
    assert!(pod.sync.exit_status().unwrap().success());
}

#[track_caller]
fn lost_nothing(account: &Account) {
    let failures = &account.failures;
    assert!(failures.is_empty(), "{} of {}: {:?}", failures.len(), account.answered, failures.first());
    assert!(account.answered > 500, "{}", account.answered);
}

fn a_rolling_update_behind_a_service_loses_no_request() {
    let mut release = Release::install("chart-roll", "");
    let backend = release.site.backend("web");
    release.apply(&site("a.test", "web", backend.address));
    let mut old = release.pod("ingora-0");
    old.wait_ready();
    until("the Ingress is served", || body(old.http, "a.test") == "web");
    let service = Service::start(old.http);
    let load = Load::start(service.address, "a.test", "/", 4);
    load.wait_for(200);
    for turn in 1..=2 {
        // maxSurge 1, maxUnavailable 0: the new Pod is ready before the old one is told to leave.
        let ports = [free_port(), free_port(), free_port(), free_port()];
        release.upgrade(&format!(
            "controller.containerPort.http={},controller.containerPort.https={},controller.metrics.port={},\
             controller.sync.healthPort={}",
            ports[0], ports[1], ports[2], ports[3]
        ));
        let strategy = release.workload()["spec"]["updateStrategy"]["rollingUpdate"].clone();
        assert_eq!(strategy, json!({ "maxSurge": 1, "maxUnavailable": 0 }));
        let new = release.pod(&format!("ingora-{turn}"));
        new.wait_ready();
        service.send_to(&[old.http, new.http]);
        load.wait_for(100);
        let leaving = std::mem::replace(&mut old, new);
        let gone = leaving.http;
        // The Service hears of it only later, like every node does.
        let (endpoints, next) = (Arc::clone(&service.endpoints), old.http);
        let health = leaving.health;
        let node = thread::spawn(move || {
            until("the old Pod is not ready", || {
                http1::get(health, "kubelet", "/readyz").is_ok_and(|answer| answer.status == 503)
            });
            thread::sleep(std::time::Duration::from_secs(1));
            *endpoints.lock().unwrap() = vec![next];
        });
        terminate(leaving);
        node.join().unwrap();
        assert!(TcpStream::connect(gone).is_err(), "the old one is gone");
        load.wait_for(100);
    }
    lost_nothing(&load.finish());
    assert_eq!(release.refusals(), [""; 0]);
}

fn two_gateways_on_one_port_hand_over_without_losing_a_request() {
    let mut release = Release::install("chart-reuse", "");
    release.upgrade("controller.gateway.extraArgs.reuse-port=true");
    let backend = release.site.backend("web");
    release.apply(&site("a.test", "web", backend.address));
    let old = release.pod("ingora-0");
    old.wait_ready();
    until("the Ingress is served", || body(old.http, "a.test") == "web");
    let load = Load::start(old.http, "a.test", "/", 4);
    load.wait_for(200);
    let ports = [free_port(), free_port()];
    release.upgrade(&format!("controller.metrics.port={},controller.sync.healthPort={}", ports[0], ports[1]));
    let new = release.pod("ingora-1");
    assert_eq!(new.http, old.http);
    new.wait_ready();
    load.wait_for(100);
    terminate(old);
    load.wait_for(200);
    lost_nothing(&load.finish());
}
