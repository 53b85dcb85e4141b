//! One Kubernetes control plane: etcd, kube-apiserver and kube-controller-manager, and the administrator's client.
//!
//! Most tests share one. A test that stops the server, or fills it, starts its own.

use super::api::Api;
use super::certificates::{KeyKind, make};
use super::ports::free_port;
use super::process::Program;
use super::{audit, chart, until};
use crate::enclosure;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

const ADMIN_TOKEN: &str = "administrator-of-the-tests";

/// Controllers of Kubernetes that Ingora's input comes from.
const CONTROLLERS: &str = "endpointslice-controller,serviceaccount-controller,namespace-controller";

static SHARED: OnceLock<Cluster> = OnceLock::new();
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// A running control plane.
pub(crate) struct Cluster {
    /// The administrator's client; never handed to a program under test.
    pub(crate) admin: Api,
    home: PathBuf,
    etcd_address: SocketAddr,
    server: Mutex<Option<Program>>,
    _etcd: Program,
    _controllers: Program,
}

impl Cluster {
    /// The one that most tests share, started by the first that asks.
    pub(crate) fn shared() -> &'static Self {
        SHARED.get_or_init(Self::start)
    }

    /// Starts one and waits until it is ready.
    pub(crate) fn start() -> Self {
        let home = enclosure::home().join(format!("cluster-{}", COUNT.fetch_add(1, Ordering::SeqCst)));
        std::fs::create_dir(&home).unwrap();
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (etcd_address, api_address) = (local(free_port()), local(free_port()));
        let serving = make("kube-apiserver", &["127.0.0.1", "localhost"], KeyKind::Ecdsa, 30);
        let tokens = make("service-account-tokens", &[], KeyKind::Rsa, 30);
        let admin = Api::new(api_address, &serving.certificate, ADMIN_TOKEN);
        for (name, text) in [
            ("serving.crt", serving.certificate.as_str()),
            ("serving.key", &serving.key),
            ("tokens.key", &tokens.key),
            ("admins.csv", &format!("{ADMIN_TOKEN},admin,1,\"system:masters\"\n")),
            ("audit.yaml", audit::POLICY),
            (
                "admin.kubeconfig",
                &kubeconfig(&format!("https://{api_address}"), &admin.authority, "default", ADMIN_TOKEN),
            ),
        ] {
            std::fs::write(home.join(name), text).unwrap();
        }
        let etcd = start("etcd", &home, &etcd_arguments(&home, etcd_address));
        let server = start_server(&home, etcd_address, api_address);
        wait_ready(&admin);
        let controllers = start(
            "kube-controller-manager",
            &home,
            &[
                format!("--kubeconfig={}", home.join("admin.kubeconfig").display()),
                format!("--service-account-private-key-file={}", home.join("tokens.key").display()),
                format!("--controllers={CONTROLLERS}"),
                "--leader-elect=false".to_owned(),
                "--use-service-account-credentials=false".to_owned(),
                "--secure-port=0".to_owned(),
            ],
        );
        Self {
            admin,
            home,
            etcd_address,
            server: Mutex::new(Some(server)),
            _etcd: etcd,
            _controllers: controllers,
        }
    }

    fn server(&self) -> MutexGuard<'_, Option<Program>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the API server as the kernel would; etcd stays.
    pub(crate) fn kill_server(&self) {
        drop(self.server().take());
    }

    /// Starts the API server again and waits until it is ready.
    pub(crate) fn start_server(&self) {
        *self.server() = Some(start_server(&self.home, self.etcd_address, self.admin.address));
        wait_ready(&self.admin);
    }

    /// Throws away the history of everything written until now: whoever asks for it gets 410.
    pub(crate) fn compact(&self) {
        let etcd = |path: &str, body: String| {
            let mut connection = super::http1::Connection::open(self.etcd_address).unwrap();
            let length = body.len();
            let head = format!("POST {path} HTTP/1.1\r\nHost: etcd\r\nContent-Length: {length}\r\n\r\n");
            connection.send(head + &body).unwrap();
            let answer = connection.response().unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text());
            serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap()
        };
        let state = etcd("/v3/kv/range", serde_json::json!({ "key": "Lw==" }).to_string());
        let revision = &state["header"]["revision"];
        etcd("/v3/kv/compaction", serde_json::json!({ "revision": revision, "physical": true }).to_string());
    }

    /// Runs kubectl as administrator and returns what it printed.
    #[track_caller]
    pub(crate) fn kubectl(&self, arguments: &[&str], input: &str) -> String {
        let mut child = Command::new(enclosure::servers().join("kubectl"))
            .arg("--kubeconfig")
            .arg(self.home.join("admin.kubeconfig"))
            // Its cache of the server's kinds; the default is the home folder.
            .arg("--cache-dir")
            .arg(self.home.join("kubectl"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A token of a ServiceAccount, as the kubelet asks for one.
    pub(crate) fn token(&self, namespace: &str, account: &str) -> String {
        let request = serde_json::json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "expirationSeconds": 7200 },
        });
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        self.admin.post(&path, &request)["status"]["token"].as_str().unwrap().to_owned()
    }

    /// Runs Helm as administrator; what it printed, or what it complained about.
    pub(crate) fn helm(&self, arguments: &[&str]) -> Result<String, String> {
        let kubeconfig = self.home.join("admin.kubeconfig");
        chart::said(chart::tool("helm").env("KUBECONFIG", kubeconfig).args(arguments).output().unwrap())
    }

    /// What the server refused this user so far.
    pub(crate) fn refusals(&self, user: &str) -> Vec<String> {
        audit::refusals(&self.home.join("audit.log"), user)
    }
}

/// A kubeconfig of one cluster, one namespace and one user; `authority` is PEM and only read for `https`.
pub(crate) fn kubeconfig(server: &str, authority: &str, namespace: &str, token: &str) -> String {
    let authority = openssl::base64::encode_block(authority.as_bytes());
    let trust = match server.starts_with("https") {
        true => format!(", certificate-authority-data: {authority}"),
        false => String::new(),
    };
    format!(
        "
apiVersion: v1
kind: Config
current-context: test
contexts: [{{ name: test, context: {{ cluster: test, namespace: {namespace}, user: test }} }}]
clusters: [{{ name: test, cluster: {{ server: \"{server}\"{trust} }} }}]
users: [{{ name: test, user: {{ token: \"{token}\" }} }}]
"
    )
}

fn start(name: &'static str, home: &Path, arguments: &[String]) -> Program {
    Program::start_at(&enclosure::servers().join(name), name, arguments, &home.join(format!("{name}.log")))
}

fn etcd_arguments(home: &Path, address: SocketAddr) -> [String; 8] {
    [
        format!("--data-dir={}", home.join("etcd").display()),
        format!("--listen-client-urls=http://{address}"),
        format!("--advertise-client-urls=http://{address}"),
        format!("--listen-peer-urls=http://127.0.0.1:{}", free_port()),
        "--unsafe-no-fsync".to_owned(),
        "--log-level=error".to_owned(),
        // What `Cluster::compact` throws away is thrown away by nobody else.
        "--auto-compaction-retention=0".to_owned(),
        "--snapshot-count=100000".to_owned(),
    ]
}

fn start_server(home: &Path, etcd: SocketAddr, address: SocketAddr) -> Program {
    let file = |name: &str| home.join(name).display().to_string();
    start(
        "kube-apiserver",
        home,
        &[
            format!("--etcd-servers=http://{etcd}"),
            // Compaction is the tests' own business.
            "--etcd-compaction-interval=0".to_owned(),
            format!("--bind-address={}", address.ip()),
            format!("--secure-port={}", address.port()),
            // There is no default route, and loopback is not an address for others.
            "--advertise-address=10.99.0.1".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            "--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112".to_owned(),
            format!("--tls-cert-file={}", file("serving.crt")),
            format!("--tls-private-key-file={}", file("serving.key")),
            format!("--cert-dir={}", file("certificates")),
            "--authorization-mode=RBAC".to_owned(),
            format!("--token-auth-file={}", file("admins.csv")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", file("tokens.key")),
            format!("--service-account-signing-key-file={}", file("tokens.key")),
            "--disable-admission-plugins=ServiceAccount".to_owned(),
            format!("--audit-policy-file={}", file("audit.yaml")),
            format!("--audit-log-path={}", file("audit.log")),
            "--audit-log-mode=blocking".to_owned(),
            "--v=0".to_owned(),
        ],
    )
}

fn wait_ready(admin: &Api) {
    until("the API server is ready", || {
        admin.call("GET", "/readyz", "application/json", "").is_ok_and(|answer| answer.status == 200)
    });
}
