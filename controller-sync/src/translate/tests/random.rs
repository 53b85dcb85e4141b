//! Property: whatever the way, the same content gives the same state, and the changes add up to it.

use super::World;
use super::fixtures::{decode, pem};
use crate::object::{Object, ObjectKey};
use ingora_config::{Key, Problem, Resource};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

/// Certificates are slow to make; three are enough.
static CERTIFICATES: LazyLock<Vec<(String, String)>> =
    LazyLock::new(|| ["a.example", "*.example", "c.example"].map(pem).to_vec());

#[derive(Clone, Debug)]
enum Step {
    Insert(Object),
    Remove(ObjectKey),
    Answer(Option<IpAddr>),
    Translate,
}

fn pick<const N: usize>(values: [&'static str; N]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(values.to_vec())
}

fn backend() -> impl Strategy<Value = Value> {
    let ports = vec![json!({"number": 80}), json!({"name": "http"}), json!({})];
    let service = (pick(["web", "api", "gone"]), prop::sample::select(ports))
        .prop_map(|(name, port)| json!({"service": {"name": name, "port": port}}));
    prop_oneof![9 => service, 1 => Just(json!({"resource": {"kind": "Bucket"}}))]
}

fn rule() -> impl Strategy<Value = Value> {
    let path = (
        pick(["/", "/x", "", "bad", "/x(", "/y.*"]),
        pick(["Prefix", "Exact", "ImplementationSpecific", "Odd"]),
        backend(),
    )
        .prop_map(|(path, kind, backend)| json!({"path": path, "pathType": kind, "backend": backend}));
    (
        pick(["a.example", "*.example", "", "b..c", "c.example", "www.a.example"]),
        prop::collection::vec(path, 0..3),
    )
        .prop_map(|(host, paths)| json!({"host": host, "http": {"paths": paths}}))
}

fn tls() -> impl Strategy<Value = Value> {
    let hosts = prop::collection::vec(pick(["a.example", "*.example", "c.example"]), 0..2);
    (hosts, prop::option::of(pick(["one", "two"])))
        .prop_map(|(hosts, secret)| json!({"hosts": hosts, "secretName": secret}))
}

fn canary(rule: &str, value: &str) -> Value {
    let annotation = |name: &str| format!("nginx.ingress.kubernetes.io/{name}");
    json!({annotation("canary"): "true", annotation(rule): value})
}

fn ingress() -> impl Strategy<Value = Value> {
    let metadata = (
        pick(["s", "t"]),
        pick(["p", "q", "r"]),
        prop::option::of(pick(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"])),
        prop::sample::select(vec![
            json!({}),
            json!({"kubernetes.io/ingress.class": "nginx"}),
            json!({"nginx.ingress.kubernetes.io/rewrite-target": "/"}),
            json!({"nginx.ingress.kubernetes.io/permanent-redirect": "/x"}),
            json!({"nginx.ingress.kubernetes.io/force-ssl-redirect": "true", "nginx.ingress.kubernetes.io/enable-cors": "true"}),
            canary("canary-weight", "10"),
            canary("canary-weight", "70"),
            canary("canary-by-header", "x"),
            json!({"nginx.ingress.kubernetes.io/rewrite-target": "/y", "nginx.ingress.kubernetes.io/app-root": "/r"}),
            json!({"nginx.ingress.kubernetes.io/use-regex": "true", "nginx.ingress.kubernetes.io/app-root": "/s"}),
            json!({"nginx.ingress.kubernetes.io/server-alias": "c.example,*.example,~x"}),
            json!({"nginx.ingress.kubernetes.io/server-alias": "a.example,www.a.example,c.example"}),
            json!({"nginx.ingress.kubernetes.io/from-to-www-redirect": "true"}),
            json!({"nginx.ingress.kubernetes.io/permanent-redirect": "/x"}),
            json!({"nginx.ingress.kubernetes.io/force-ssl-redirect": "true", "nginx.ingress.kubernetes.io/enable-cors": "true"}),
        ]),
    );
    let spec = (
        prop::option::of(pick(["ingora", "other"])),
        prop::option::of(backend()),
        prop::collection::vec(rule(), 0..3),
        prop::collection::vec(tls(), 0..3),
    );
    (metadata, spec).prop_map(|((namespace, name, created, annotations), (class, backend, rules, tls))| {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"namespace": namespace, "name": name, "creationTimestamp": created, "annotations": annotations},
            "spec": {"ingressClassName": class, "defaultBackend": backend, "rules": rules, "tls": tls}})
    })
}

fn class() -> impl Strategy<Value = Value> {
    (pick(["ingora", "other"]), pick(["ingora.io/ingress-controller", "example.com/other"]), any::<bool>())
        .prop_map(|(name, controller, default)| {
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": name,
                "annotations": {"ingressclass.kubernetes.io/is-default-class": default.to_string()}},
                "spec": {"controller": controller}})
        })
}

fn service() -> impl Strategy<Value = Value> {
    let spec = prop::sample::select(vec![
        json!({"ports": [{"port": 80}]}),
        json!({"ports": [{"name": "http", "port": 80, "appProtocol": "kubernetes.io/h2c"}, {"name": "x", "port": 81}]}),
        json!({"ports": [{"name": "x", "port": 81, "targetPort": "http"}]}),
        json!({"type": "ExternalName", "externalName": "backend.example", "ports": [{"name": "http", "port": 80}]}),
        json!({"type": "ExternalName", "externalName": "other.example"}),
    ]);
    (pick(["s", "t"]), pick(["web", "api"]), spec).prop_map(|(namespace, name, spec)| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": namespace, "name": name}, "spec": spec})
    })
}

fn slice() -> impl Strategy<Value = Value> {
    let endpoint =
        (pick(["10.0.0.1", "10.0.0.2", "127.0.0.1"]), prop::option::of(any::<bool>()), any::<bool>())
            .prop_map(|(address, ready, terminating)| {
                json!({"addresses": [address],
                "conditions": {"ready": ready, "serving": terminating, "terminating": terminating}})
            });
    let endpoints = prop::collection::vec(endpoint, 0..3);
    (pick(["s", "t"]), pick(["m", "n"]), pick(["web", "api"]), pick(["", "http"]), endpoints).prop_map(
        |(namespace, name, service, port, endpoints)| {
            json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": {"namespace": namespace, "name": name,
                    "labels": {"kubernetes.io/service-name": service}},
                "endpoints": endpoints, "ports": [{"name": port, "port": 8080}]})
        },
    )
}

fn secret() -> impl Strategy<Value = Value> {
    (pick(["s", "t"]), pick(["one", "two"]), 0..4_usize).prop_map(|(namespace, name, certificate)| {
        let (chain, key) = CERTIFICATES.get(certificate).cloned().unwrap_or_default();
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": namespace, "name": name},
            "stringData": {"tls.crt": chain, "tls.key": key}})
    })
}

fn object() -> impl Strategy<Value = Object> {
    prop_oneof![
        5 => ingress().boxed(),
        1 => class().boxed(),
        2 => service().boxed(),
        2 => slice().boxed(),
        2 => secret().boxed(),
    ]
    .prop_map(decode)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => object().prop_map(Step::Insert),
        3 => object().prop_map(|object| Step::Remove(object.key())),
        1 => prop::option::of(any::<u8>())
            .prop_map(|last| Step::Answer(last.map(|last| IpAddr::from([10, 1, 1, last])))),
        4 => Just(Step::Translate),
    ]
}

impl World {
    fn answer_all(&mut self, address: Option<IpAddr>) {
        for name in self.store.names_to_resolve() {
            let answer = address.map(|address| vec![address]).ok_or_else(|| "no answer".to_owned());
            self.store.resolved(&name, answer);
        }
    }

    /// Translates, answers every question of DNS alike, and translates again.
    fn finish(&mut self) -> Vec<super::Output> {
        let first = self.translate();
        self.answer_all(Some(IpAddr::from([10, 2, 2, 2])));
        vec![first, self.translate()]
    }
}

#[derive(Default)]
struct Heard {
    resources: BTreeMap<Key, Arc<Resource>>,
    problems: BTreeSet<Problem>,
}

impl Heard {
    fn hear(&mut self, output: super::Output) {
        for change in output.changes {
            match change {
                super::Change::Upsert(resource) => self.resources.insert(resource.key(), resource),
                super::Change::Remove(key) => self.resources.remove(&key),
            };
        }
        output.solved_problems.iter().for_each(|problem| assert!(self.problems.remove(problem), "{problem}"));
        output.new_problems.into_iter().for_each(|problem| assert!(self.problems.insert(problem)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn many_small_translations_come_to_the_same_as_one(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        let mut heard = Heard::default();
        let mut content: BTreeMap<ObjectKey, Object> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Insert(object) => {
                    content.insert(object.key(), object.clone());
                    world.store.insert(object, None);
                }
                Step::Remove(key) => {
                    content.remove(&key);
                    world.store.remove(&key);
                }
                Step::Answer(address) => world.answer_all(address),
                Step::Translate => heard.hear(world.translate()),
            }
        }
        world.finish().into_iter().for_each(|output| heard.hear(output));

        let mut fresh = World::new();
        content.into_values().rev().for_each(|object| fresh.store.insert(object, None));
        fresh.finish();

        let resources = |world: &World| world.translator.resources().cloned().collect::<Vec<_>>();
        let problems = |world: &World| world.translator.problems().cloned().collect::<Vec<_>>();
        prop_assert_eq!(resources(&world), resources(&fresh));
        prop_assert_eq!(problems(&world), problems(&fresh));
        prop_assert_eq!(heard.resources.into_values().collect::<Vec<_>>(), resources(&fresh));
        prop_assert_eq!(heard.problems.into_iter().collect::<Vec<_>>(), problems(&fresh));
    }
}
