//! A Pod of the chart without a kubelet: both containers with the arguments, variables and mounts that its manifest says, each
//! in a mount namespace of its own.
//!
//! ```text
//!   manifest ──▶ gateway: /run/ingora
//!            └─▶ sync:    /run/ingora, /var/run/secrets/kubernetes.io/serviceaccount
//! ```

use super::cluster::Cluster;
use super::http1;
use super::process::{Program, binary};
use super::until;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use tempfile::TempDir;

/// Puts what the container mounts where it looks for it, gives up all rights but those in $3, and becomes the program.
const CONTAINER: &str = r#"
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/ingora /run/secrets/kubernetes.io/serviceaccount
mount --bind "$1" /run/ingora
[ -z "$2" ] || mount --bind "$2" /run/secrets/kubernetes.io/serviceaccount
rights=$3
shift 3
exec setpriv --no-new-privs --inh-caps=-all --bounding-set="$rights" env "$@"
"#;

/// A running Pod.
pub(crate) struct Pod {
    /// The container that serves.
    pub(crate) gateway: Program,
    /// The container that reads the cluster.
    pub(crate) sync: Program,
    /// Where the gateway listens for HTTP.
    pub(crate) http: SocketAddr,
    /// Where the kubelet asks the gateway.
    pub(crate) health: SocketAddr,
    /// Where the kubelet asks sync.
    pub(crate) sync_health: SocketAddr,
    _home: TempDir,
}

impl Pod {
    /// Starts the Pod of a workload as `name`, with a fresh token of its ServiceAccount, and tells the API server of it.
    pub(crate) fn start(cluster: &Cluster, workload: &Value, name: &str) -> Self {
        let namespace = workload["metadata"]["namespace"].as_str().unwrap();
        let template = &workload["spec"]["template"];
        let account = template["spec"]["serviceAccountName"].as_str().unwrap();
        register(cluster, template, namespace, name);
        let home = TempDir::new().unwrap();
        let path = |name: &str| home.path().join(name);
        let (socket, token) = (path("socket"), path("token"));
        std::fs::create_dir(&socket).unwrap();
        std::fs::create_dir(&token).unwrap();
        let files = [
            ("token", cluster.token(namespace, account)),
            ("ca.crt", cluster.admin.authority.clone()),
            ("namespace", namespace.to_owned()),
        ];
        for (file, text) in files {
            std::fs::write(token.join(file), text).unwrap();
        }
        let start = |program: &'static str, container: &Value| {
            let mounts = container["volumeMounts"].as_array().unwrap();
            let has_token = mounts.iter().any(|mount| mount["name"] == "token");
            let token = if has_token { token.display().to_string() } else { String::new() };
            let mut arguments: Vec<String> =
                ["--mount", "sh", "-c", CONTAINER, "sh"].map(str::to_owned).to_vec();
            arguments.extend([socket.display().to_string(), token, rights(container)]);
            let variables = variables(container, namespace, name);
            arguments.extend(variables.iter().map(|(name, value)| format!("{name}={value}")));
            // The kubelet tells every container where the API server is.
            let server = cluster.admin.address;
            arguments.push(format!("KUBERNETES_SERVICE_HOST={}", server.ip()));
            arguments.push(format!("KUBERNETES_SERVICE_PORT={}", server.port()));
            arguments.push(binary(program).display().to_string());
            arguments.extend(arguments_of(container, &variables));
            Program::start_at(Path::new("unshare"), program, &arguments, &path(&format!("{program}.log")))
        };
        let gateway = super::chart::container(template, "gateway");
        let sync = super::chart::container(template, "sync");
        Self {
            http: bound(gateway, "--http-bind="),
            health: bound(gateway, "--admin-bind="),
            sync_health: (bound(gateway, "--admin-bind=").ip(), probed(sync)).into(),
            gateway: start("ingora-gateway", gateway),
            sync: start("ingora", sync),
            _home: home,
        }
    }

    /// What the kubelet's readiness probe finds.
    pub(crate) fn is_ready(&self) -> bool {
        http1::get(self.health, "kubelet", "/readyz").is_ok_and(|answer| answer.status == 200)
    }

    /// Waits until the Service would send requests.
    #[track_caller]
    pub(crate) fn wait_ready(&self) {
        until("the Pod is ready", || self.is_ready());
    }
}

/// The Pod as the API server knows it: the controller looks itself up there.
fn register(cluster: &Cluster, template: &Value, namespace: &str, name: &str) {
    let mut pod = template.clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!(name);
    pod["metadata"]["namespace"] = json!(namespace);
    cluster.admin.create(&pod);
    let ready = json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] });
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/status");
    cluster.admin.merge(&path, &json!({ "status": ready }));
}

/// The capabilities that the manifest leaves the container, as setpriv writes them.
fn rights(container: &Value) -> String {
    let capabilities = &container["securityContext"]["capabilities"];
    assert_eq!(capabilities["drop"], json!(["ALL"]));
    let added = capabilities["add"].as_array().into_iter().flatten().filter_map(Value::as_str);
    added.fold("-all".to_owned(), |all, name| format!("{all},+{}", name.to_lowercase()))
}

/// The variables of a container; what the downward API says is filled in.
fn variables(container: &Value, namespace: &str, name: &str) -> Vec<(String, String)> {
    let all = container["env"].as_array().into_iter().flatten();
    all.map(|variable| {
        let value = match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
            Some("metadata.name") => name,
            Some("metadata.namespace") => namespace,
            Some(other) => panic!("{other} is not known here"),
            None => variable["value"].as_str().unwrap(),
        };
        (variable["name"].as_str().unwrap().to_owned(), value.to_owned())
    })
    .collect()
}

/// The arguments, with `$(NAME)` filled in.
fn arguments_of(container: &Value, variables: &[(String, String)]) -> Vec<String> {
    let all = container["args"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap());
    all.map(|argument| {
        let fill =
            |text: String, (name, value): &(String, String)| text.replace(&format!("$({name})"), value);
        variables.iter().fold(argument.to_owned(), fill)
    })
    .collect()
}

/// The port that the kubelet's liveness probe asks.
fn probed(container: &Value) -> u16 {
    let port = container["livenessProbe"]["httpGet"]["port"].as_u64().unwrap();
    u16::try_from(port).unwrap()
}

/// The address that an argument binds, as somebody on the same machine reaches it.
fn bound(container: &Value, flag: &str) -> SocketAddr {
    let mut arguments = container["args"].as_array().unwrap().iter().filter_map(Value::as_str);
    let text =
        arguments.find_map(|argument| argument.strip_prefix(flag)).unwrap_or_else(|| panic!("no {flag}"));
    let mut address: SocketAddr = text.parse().unwrap();
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    address
}
