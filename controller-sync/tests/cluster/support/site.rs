//! What one test has of the cluster: a namespace, an IngressClass and a ServiceAccount of its own, under the roles
//! of the chart. When the test ends, nothing may have been refused to that ServiceAccount.

use super::backend::Backend;
use super::cluster::{Cluster, kubeconfig};
use super::edge::{Edge, Plan};
use super::manifest;
use super::object::{documents, is_cluster_wide};
use super::proxy::Proxy;
use super::role;
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use tempfile::TempDir;

static COUNT: AtomicU8 = AtomicU8::new(1);

/// The address that status shows in most tests.
pub(crate) const PUBLISHED: &str = "203.0.113.7";

/// One test's part of a cluster.
pub(crate) struct Site<'c> {
    /// The cluster.
    pub(crate) cluster: &'c Cluster,
    /// The namespace; also the name of the IngressClass.
    pub(crate) namespace: String,
    /// The token of the ServiceAccount.
    pub(crate) token: String,
    account: String,
    /// Third byte of the addresses of this test's backends.
    block: u8,
    next_address: AtomicU8,
    refusals_are_expected: AtomicBool,
    home: TempDir,
}

impl Site<'static> {
    /// In the cluster that most tests share.
    pub(crate) fn new(name: &str) -> Self {
        Self::in_cluster(Cluster::shared(), name)
    }
}

impl<'c> Site<'c> {
    /// In this cluster, with the whole role.
    pub(crate) fn in_cluster(cluster: &'c Cluster, name: &str) -> Self {
        Self::with_role(cluster, name, |_| ())
    }

    /// With a role that `change` has made smaller; what that has refused is for the test to judge.
    pub(crate) fn with_role(cluster: &'c Cluster, name: &str, change: impl FnOnce(&mut Vec<Value>)) -> Self {
        let block = COUNT.fetch_add(1, Ordering::SeqCst);
        let namespace = format!("{name}-{block}");
        let whole = role::objects(&namespace);
        let mut objects = whole.clone();
        change(&mut objects);
        let refusals_are_expected = AtomicBool::new(objects != whole);
        let admin = &cluster.admin;
        admin.create(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } }));
        for object in &objects {
            admin.apply(object);
        }
        let mut class = documents(manifest::CLASS).remove(0);
        class["metadata"]["name"] = json!(namespace);
        class["spec"]["controller"] = json!(controller(&namespace));
        admin.create(&class);
        let account = role::account(&objects).to_owned();
        Self {
            cluster,
            token: cluster.token(&namespace, &account),
            account,
            block,
            next_address: AtomicU8::new(1),
            refusals_are_expected,
            home: TempDir::new().unwrap(),
            namespace,
        }
    }

    /// Both programs on this cluster: the class of this test, the kubeconfig of its ServiceAccount.
    pub(crate) fn plan(&self) -> Plan {
        self.plan_for(&format!("https://{}", self.cluster.admin.address))
    }

    /// The same through a proxy that makes faults.
    pub(crate) fn plan_through(&self, proxy: &Proxy) -> Plan {
        self.plan_for(&format!("http://{}", proxy.address))
    }

    /// The arguments that say what to read.
    pub(crate) fn source(&self, kubeconfig: &Path) -> Vec<String> {
        let (file, controller) = (kubeconfig.display().to_string(), controller(&self.namespace));
        ["--kubeconfig", &file, "--ingress-class", &self.namespace, "--controller-class", &controller]
            .map(str::to_owned)
            .to_vec()
    }

    fn plan_for(&self, server: &str) -> Plan {
        self.plan_with(&self.kubeconfig(server))
    }

    /// The same with this kubeconfig.
    pub(crate) fn plan_with(&self, kubeconfig: &Path) -> Plan {
        Edge::plan().source(self.source(kubeconfig)).sync(&["--publish-status-address", PUBLISHED])
    }

    /// Both programs without an address to publish.
    pub(crate) fn plan_unpublished(&self) -> Plan {
        let kubeconfig = self.kubeconfig(&format!("https://{}", self.cluster.admin.address));
        Edge::plan().source(self.source(&kubeconfig))
    }

    /// A kubeconfig of the ServiceAccount.
    pub(crate) fn kubeconfig(&self, server: &str) -> PathBuf {
        let text = self.kubeconfig_text(server, &self.token);
        let mut file = tempfile::Builder::new().suffix(".kubeconfig").tempfile_in(self.home.path()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.into_temp_path().keep().unwrap()
    }

    /// The text of one with another token.
    pub(crate) fn kubeconfig_text(&self, server: &str, token: &str) -> String {
        kubeconfig(server, &self.cluster.admin.authority, &self.namespace, token)
    }

    /// A proxy in front of the API server.
    pub(crate) fn proxy(&self) -> Proxy {
        Proxy::start(self.cluster.admin.another())
    }

    /// An address in the network of the tests that no other backend has.
    pub(crate) fn address(&self) -> SocketAddr {
        let last = self.next_address.fetch_add(1, Ordering::SeqCst);
        (Ipv4Addr::new(10, 99, self.block, last), 8080).into()
    }

    /// A backend that answers with its name.
    pub(crate) fn backend(&self, name: &str) -> Backend {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len());
        Backend::listen(self.address(), move |_, stream| stream.write_all(answer.as_bytes()))
    }

    /// The objects of a manifest of the behaviour tests, moved into this test's namespace and class.
    pub(crate) fn objects(&self, text: &str) -> Vec<Value> {
        let mut objects = documents(text);
        for object in &mut objects {
            if !is_cluster_wide(object["kind"].as_str().unwrap()) {
                object["metadata"]["namespace"] = json!(self.namespace);
            }
            if object["spec"]["ingressClassName"] == "ingora" {
                object["spec"]["ingressClassName"] = json!(self.namespace);
            }
        }
        objects
    }

    /// Applies a manifest.
    #[track_caller]
    pub(crate) fn apply(&self, text: impl AsRef<str>) {
        for object in self.objects(text.as_ref()) {
            self.cluster.admin.apply(&object);
        }
    }

    /// The path of an Ingress of this test in the API.
    pub(crate) fn ingress_path(&self, name: &str) -> String {
        format!("/apis/networking.k8s.io/v1/namespaces/{}/ingresses/{name}", self.namespace)
    }

    /// Makes the ServiceAccount anew: every token it had is worthless. Returns a token of the new one.
    pub(crate) fn rotate(&self) -> String {
        let admin = &self.cluster.admin;
        let path = format!("/api/v1/namespaces/{}/serviceaccounts/{}", self.namespace, self.account);
        admin.delete(&path);
        admin.apply(&json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "name": self.account, "namespace": self.namespace },
        }));
        self.cluster.token(&self.namespace, &self.account)
    }

    /// The name under which the API server knows the ServiceAccount.
    pub(crate) fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.account)
    }

    /// The test restarts the server, which refuses everything for a moment: it listens before it knows its roles.
    pub(crate) fn expect_refusals(&self) {
        self.refusals_are_expected.store(true, Ordering::SeqCst);
    }

    /// What the server refused the ServiceAccount so far.
    pub(crate) fn refusals(&self) -> Vec<String> {
        self.cluster.refusals(&self.user())
    }
}

impl Drop for Site<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() && !self.refusals_are_expected.load(Ordering::SeqCst) {
            assert_eq!(
                self.refusals(),
                Vec::<String>::new(),
                "the roles of the chart refused what is needed"
            );
        }
    }
}

fn controller(namespace: &str) -> String {
    format!("ingora.test/{namespace}")
}
