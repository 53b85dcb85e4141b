//! The harness itself: a fault that is not made proves nothing.

use crate::support::api::Api;
use crate::support::http1::{self, Connection, Response};
use crate::support::manifest::ingress;
use crate::support::proxy::{Fault, Proxy};
use crate::support::site::Site;
use crate::support::trial::trials;
use crate::support::until;
use crate::support::watch::Watch;
use serde_json::{Value, json};
use std::io;
use std::time::Duration;

trials! {
    trial:
        the_servers_are_those_that_are_pinned,
        the_account_under_test_is_not_an_administrator,
        faults_of_the_proxy_are_real,
        objects_are_changed_and_hidden_on_their_way;
}

const INGRESSES: &str = "/apis/networking.k8s.io/v1/ingresses";

fn the_servers_are_those_that_are_pinned() {
    let test = Site::new("pinned");
    let version = test.cluster.kubectl(&["version", "-o", "json"], "");
    let version: Value = serde_json::from_str(&version).unwrap();
    let pin = include_str!("servers/kubernetes/go.mod");
    let pin = pin.split_once("k8s.io/kubernetes v").unwrap().1.split_whitespace().next().unwrap();
    assert_eq!(version["serverVersion"]["gitVersion"], format!("v{pin}"));
    assert_eq!(version["clientVersion"]["gitVersion"], format!("v{pin}"));
}

fn the_account_under_test_is_not_an_administrator() {
    // Refused on purpose, so the role is said to be changed.
    let test = Site::with_role(crate::support::cluster::Cluster::shared(), "plain", |objects| {
        objects.push(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "more", "namespace": "default" },
        }));
    });
    let api = test.cluster.admin.with_token(&test.token);
    assert_eq!(api.get(INGRESSES)["kind"], "IngressList");
    let nodes = "/api/v1/nodes/x/proxy/";
    assert_eq!(api.call("GET", nodes, "application/json", "").unwrap().status, 403);
    until("the audit log has it", || test.refusals().iter().any(|what| what.starts_with("get nodes")));
}

fn ask(proxy: &Proxy, api: &Api, path: &str) -> io::Result<Response> {
    let mut connection = Connection::open(proxy.address)?;
    connection.stream().set_read_timeout(Some(Duration::from_millis(1500)))?;
    connection.send(api.request("GET", path, "application/json", ""))?;
    connection.response()
}

fn faults_of_the_proxy_are_real() {
    let test = Site::new("faults");
    let (proxy, api) = (test.proxy(), test.cluster.admin.with_token(&test.token));
    assert_eq!(ask(&proxy, &api, INGRESSES).unwrap().status, 200);
    {
        let _fault =
            proxy.inject(&["/ingresses"], Fault::status_with(429, "TooManyRequests", "Retry-After: 3\r\n"));
        let answer = ask(&proxy, &api, INGRESSES).unwrap();
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("3")));
        assert_eq!(ask(&proxy, &api, "/api/v1/services").unwrap().status, 200);
    }
    assert_eq!(ask(&proxy, &api, INGRESSES).unwrap().status, 200);
    {
        let _fault = proxy.inject(&["GET"], Fault::Hang);
        assert_eq!(ask(&proxy, &api, INGRESSES).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
    {
        let _fault = proxy.inject(&["GET"], Fault::Reset);
        assert_eq!(ask(&proxy, &api, INGRESSES).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }
    let watch = |silent: bool| {
        let mut connection = Connection::open(proxy.address).unwrap();
        connection.stream().set_read_timeout(Some(Duration::from_millis(1500))).unwrap();
        let path = format!("{INGRESSES}?watch=true");
        connection.send(api.request("GET", &path, "application/json", "")).unwrap();
        assert_eq!(http1::status(&connection.head().unwrap()).unwrap(), 200);
        if silent {
            proxy.freeze();
        }
        test.apply(ingress(if silent { "late" } else { "soon" }).path("a.test", "Exact", "/", "x").text());
        // Objects of other tests may come first.
        let mut text = String::new();
        loop {
            match connection.chunk() {
                Ok(piece) => text += &String::from_utf8_lossy(&piece),
                Err(error) => return (connection, text, error.kind()),
            }
            if text.contains("\"soon\"") && !silent {
                return (connection, text, io::ErrorKind::Other);
            }
        }
    };
    let (mut open, text, _) = watch(false);
    assert!(text.contains("\"soon\""));
    proxy.cut();
    while open.chunk().is_ok_and(|piece| !piece.is_empty()) {}
    let (_open, text, end) = watch(true);
    assert!(!text.contains("\"late\"") && end == io::ErrorKind::WouldBlock, "{end:?}");
}

fn objects_are_changed_and_hidden_on_their_way() {
    let test = Site::new("changed");
    let (proxy, api) = (test.proxy(), test.cluster.admin.with_token(&test.token));
    let _fault = proxy.inject(
        &["/ingresses"],
        Fault::rewrite(|mut object| {
            object["spec"] = json!("garbage");
            (object["metadata"]["name"] != "hidden").then_some(object)
        }),
    );
    for name in ["hidden", "shown"] {
        test.apply(ingress(name).path("a.test", "Exact", "/", "x").text());
    }
    let path = format!("/apis/networking.k8s.io/v1/namespaces/{}/ingresses", test.namespace);
    let list: Value = serde_json::from_slice(&ask(&proxy, &api, &path).unwrap().body).unwrap();
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!((&items[0]["metadata"]["name"], &items[0]["spec"]), (&json!("shown"), &json!("garbage")));
    let seen = Watch::start(&api, &path);
    test.cluster.admin.delete(&test.ingress_path("shown"));
    until("the watch shows the deletion", || seen.seen().iter().any(|event| event["type"] == "DELETED"));
}
