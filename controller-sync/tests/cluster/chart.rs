//! The chart by itself: what it renders for every shape in `helm/ingora/ci/`, what it refuses, and that its documents say what
//! it does. `install` has it on a server, `run` has the programs run as it says, `integrations` has others around it.
//!
//! `UPDATE_GOLDEN=1 cargo test -p ingora-controller-sync --test cluster renders_as_expected` writes `chart/golden/` and the chart's README anew.

pub(crate) mod install;
pub(crate) mod integrations;
pub(crate) mod run;

use crate::support::chart::{self, container, helm, objects, rendered, shapes, workload};
use crate::support::process::binary;
use crate::support::trial::{trial, trials};
use libtest_mimic::Trial;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

mod whole {
    use super::*;

    trials! {
        trial:
            the_linter_finds_nothing,
            what_cannot_be_is_refused_with_a_reason,
            a_typo_is_named_with_its_place,
            only_sync_has_a_token_and_nobody_has_a_right,
            no_flag_stands_there_that_the_programs_do_not_know,
            every_value_is_known_and_every_key_of_ingress_nginx_is_explained,
            the_chart_is_of_the_version_of_the_programs,
            containers_run_programs_that_the_image_has,
            the_readme_renders_as_expected;
    }
}

/// Those of the module, and one golden test per shape.
pub(crate) fn trials() -> Vec<Trial> {
    let golden = shapes().into_iter().map(|(name, values)| {
        let title = format!("{}_renders_as_expected", name.replace('-', "_"));
        trial(module_path!(), &title, move || is_golden(&name, &values))
    });
    golden
        .chain(whole::trials())
        .chain(install::trials())
        .chain(run::trials())
        .chain(integrations::trials())
        .collect()
}

fn update() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

/// Compares a file of the tree with what it must be, or writes it.
#[track_caller]
fn compare(path: &Path, want: &str) {
    if update() {
        return std::fs::write(path, want).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    let different = found.lines().zip(want.lines()).enumerate().find(|(_, (found, want))| found != want);
    assert!(found == want, "{} is old (make golden): first difference {different:?}", path.display());
}

fn is_golden(name: &str, values: &Path) {
    let text = rendered(&["--values", values.to_str().unwrap()]);
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/chart/golden");
    compare(&golden.join(format!("{name}.out.yaml")), &text);
}

fn the_linter_finds_nothing() {
    for (name, values) in shapes() {
        let said = helm(&["lint", ".", "--strict", "--values", values.to_str().unwrap()]);
        assert!(said.as_ref().is_ok_and(|text| text.contains("0 chart(s) failed")), "{name}: {said:?}");
    }
}

/// What `helm template` complains about with these values.
#[track_caller]
fn refusal(set: &str) -> String {
    match helm(&["template", "ingora", ".", "--set", set]) {
        Ok(_) => panic!("{set} is accepted"),
        Err(error) => error,
    }
}

fn what_cannot_be_is_refused_with_a_reason() {
    for (set, reason) in [
        ("tcp.5432=db/postgres:5432", "Ingora serves HTTP and TLS"),
        ("udp.53=kube-system/dns:53", "Ingora serves HTTP and TLS"),
        (
            "controller.image.repository=mirror.example.com/ingress-nginx/controller",
            "the image of ingress-nginx",
        ),
        ("controller.customTemplate.configMapName=x", "there is no template"),
        ("controller.extraModules[0].name=x", "loads no modules"),
        ("controller.configMapNamespace=elsewhere", "in the namespace of the release"),
        ("controller.shareProcessNamespace=true", "would reach the token"),
        ("controller.kind=DaemonSet,controller.autoscaling.enabled=true", "Say controller.kind=Deployment"),
        ("controller.extraArgs.healthz-port=1", "use controller.metrics.port"),
        ("controller.extraArgs.tcp-services-configmap=a/b", "give TCP services"),
        ("controller.extraArgs.no-such-flag=1", "neither Ingora nor ingress-nginx has such a flag"),
        ("controller.gateway.extraArgs.no-such-flag=1", "the gateway has no such flag"),
        ("controller.lifecycle.preStop.exec.command[0]=/bin/sleep", "lameDuckSeconds"),
    ] {
        let said = refusal(set);
        assert!(said.contains(reason), "{set}: {said}");
    }
    // What every values file of ingress-nginx has is none of that.
    rendered(&[
        "--set",
        "controller.lifecycle.preStop.exec.command[0]=/wait-shutdown,controller.extraArgs.v=2",
    ]);
}

fn a_typo_is_named_with_its_place() {
    for (set, place) in [
        (
            "controller.hostport.enabled=true",
            "at '/controller': additional properties 'hostport' not allowed",
        ),
        ("controler.kind=Deployment", "additional properties 'controler' not allowed"),
        ("controller.service.type=Loadbalancer", "at '/controller/service/type': value must be one of"),
        ("controller.containerPort.http=0", "at '/controller/containerPort/http'"),
        (
            "controller.ingressClassResource.default=yes please",
            "at '/controller/ingressClassResource/default'",
        ),
    ] {
        let said = refusal(set);
        assert!(said.contains(place), "{set}: {said}");
    }
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Names of the volumes that a container mounts.
fn mounts(container: &Value) -> Vec<&str> {
    let mounts = container["volumeMounts"].as_array().into_iter().flatten();
    mounts.filter_map(|mount| mount["name"].as_str()).collect()
}

fn only_sync_has_a_token_and_nobody_has_a_right() {
    for (name, values) in shapes() {
        let objects = objects(&["--values", values.to_str().unwrap()]);
        let pod = &workload(&objects)["spec"]["template"];
        let (gateway, sync) = (container(pod, "gateway"), container(pod, "sync"));
        assert_eq!(pod["spec"]["automountServiceAccountToken"], false, "{name}");
        assert!(!mounts(gateway).contains(&"token") && mounts(sync).contains(&"token"), "{name}");
        assert!(gateway["readinessProbe"].is_object() && sync["readinessProbe"].is_null(), "{name}");
        let on_the_node = pod["spec"]["hostNetwork"] == true;
        for container in [gateway, sync] {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
            assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
            assert_eq!(strings(&context["capabilities"]["drop"]), ["ALL"], "{name}");
            let added = strings(&context["capabilities"]["add"]);
            let allowed = on_the_node && container["name"] == "gateway";
            assert_eq!(added.is_empty(), !allowed, "{name}: {added:?}");
        }
        let context = &pod["spec"]["securityContext"];
        assert_eq!(context["runAsNonRoot"], !on_the_node, "{name}");
        assert_eq!(context["runAsUser"] == 0, on_the_node, "{name}");
        assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault", "{name}");
    }
}

fn the_chart_is_of_the_version_of_the_programs() {
    let text = std::fs::read_to_string(chart::folder().join("Chart.yaml")).unwrap();
    let about: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(about["appVersion"], env!("CARGO_PKG_VERSION"));
    assert_eq!(about["version"], env!("CARGO_PKG_VERSION"));
}

fn containers_run_programs_that_the_image_has() {
    let stage = std::fs::read_to_string(chart::folder().join("../image/stage")).unwrap();
    assert!(
        stage.contains("for program in ingora ingora-gateway") && stage.contains("$root/usr/bin/$program"),
        "{stage}"
    );
    let objects = objects(&[]);
    let pod = &workload(&objects)["spec"]["template"];
    assert_eq!(strings(&container(pod, "gateway")["command"]), ["/usr/bin/ingora-gateway"]);
    assert_eq!(strings(&container(pod, "sync")["command"]), ["/usr/bin/ingora"]);
    assert_eq!(container(pod, "sync")["args"][0], "sync");
}

/// The long flags that the help of a program names.
fn flags(program: &str, arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(binary(program)).args(arguments).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let named = help.lines().filter_map(|line| {
        line.trim_start().strip_prefix("--").or(line.trim_start().split_once(", --").map(|(_, rest)| rest))
    });
    named.map(|rest| rest.split([' ', '=', '[', '.']).next().unwrap().to_owned()).collect()
}

/// The items of a list in `_flags.tpl`, or the keys of its map.
fn listed(define: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(chart::folder().join("templates/_flags.tpl")).unwrap();
    let list =
        text.split_once(&format!("define \"{define}\" -}}}}\n")).unwrap().1.split_once("{{-").unwrap().0;
    list.lines().map(|line| line.trim_start_matches("- ").split(": ").next().unwrap().to_owned()).collect()
}

fn no_flag_stands_there_that_the_programs_do_not_know() {
    let (known, ignored) = (listed("ingora.syncFlags"), listed("ingora.ignoredFlags"));
    let refused: BTreeSet<_> = listed("ingora.refusedFlags");
    let mut sync = flags("ingora", &["sync"]);
    assert!(sync.remove("help") && sync.len() > 20, "{sync:?}");
    let possible: BTreeSet<_> = known.union(&refused).cloned().collect();
    let missing: Vec<_> = sync.difference(&possible).collect();
    assert!(missing.is_empty(), "flags of `ingora sync` that _flags.tpl does not list: {missing:?}");
    assert!(known.is_subset(&sync), "{:?}", known.difference(&sync).collect::<Vec<_>>());
    // A flag may only be refused where the chart sets it by a value of its own, or where the program has none.
    let own = ["healthz-host", "healthz-port", "manifests", "socket", "verbose"].map(str::to_owned);
    let wrong: Vec<_> = refused.intersection(&sync).filter(|flag| !own.contains(flag)).collect();
    assert!(
        wrong.is_empty(),
        "`ingora sync` has these; move them to ingora.syncFlags in _flags.tpl: {wrong:?}"
    );
    assert!(ignored.is_disjoint(&sync) && known.is_disjoint(&refused) && ignored.is_disjoint(&refused));
    let mut gateway = flags("ingora-gateway", &[]);
    assert!(gateway.remove("help") && gateway.remove("version") && gateway.remove("socket"), "{gateway:?}");
    assert_eq!(listed("ingora.gatewayFlags"), gateway);
}

/// Every key of an object, with dots; free-form maps and lists are one key.
fn keys(value: &Value, prefix: &str, all: &mut BTreeSet<String>) {
    match value.as_object() {
        Some(map) if !map.is_empty() => {
            map.iter().for_each(|(key, value)| keys(value, &format!("{prefix}.{key}"), all));
        }
        _ => {
            all.insert(prefix.trim_start_matches('.').to_owned());
        }
    }
}

/// Whether the schema has a place for a key; a place that is free takes everything below it.
fn is_known(schema: &Value, key: &str) -> bool {
    let mut place = schema;
    for part in key.split('.') {
        match place["properties"].as_object() {
            Some(properties) => match properties.get(part) {
                Some(next) => place = next,
                None => return false,
            },
            None => return place["additionalProperties"] != false,
        }
    }
    true
}

fn every_value_is_known_and_every_key_of_ingress_nginx_is_explained() {
    let read = |path: PathBuf| std::fs::read_to_string(path).unwrap();
    let schema: Value = serde_json::from_str(&read(chart::folder().join("values.schema.json"))).unwrap();
    let values: Value = serde_saphyr::from_str(&read(chart::folder().join("values.yaml"))).unwrap();
    let mut ours = BTreeSet::new();
    keys(&values, "", &mut ours);
    let unknown: Vec<_> = ours.iter().filter(|key| !is_known(&schema, key)).collect();
    assert!(unknown.is_empty() && ours.len() > 250, "not in values.schema.json: {unknown:?}");
    let entries = std::fs::read_dir(chart::folder().join("templates")).unwrap();
    let templates: String = entries.map(|entry| read(entry.unwrap().path())).collect();
    let unused = |key: &&String| {
        let last = key.rsplit('.').next().unwrap();
        // services.yaml puts these together.
        !(templates.contains(last) || last.starts_with("enableHttp") || key.contains("nodeSelector."))
    };
    assert_eq!(ours.iter().find(unused), None, "no template reads it");
    let page = read(chart::folder().join("../../docs/helm-values.md"));
    let rows: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | ")).collect();
    let explained: BTreeSet<_> = rows.iter().map(|(key, _)| (*key).to_owned()).collect();
    assert_eq!(explained.len(), rows.len(), "a key stands there twice");
    assert!(explained.len() > 300, "{}", explained.len());
    for (key, verdict) in rows {
        let word = verdict.split(" |").next().unwrap();
        assert!(["same", "different", "no effect", "refused"].contains(&word), "{key}: {word}");
        assert!(is_known(&schema, key), "{key} is explained, but a typo for the schema");
        let taken = ours.iter().any(|own| {
            own == key || own.starts_with(&format!("{key}.")) || key.starts_with(&format!("{own}."))
        });
        assert!(
            taken || !matches!(word, "same" | "different") || key == "controller.startupProbe",
            "{key}: {word}, but no value"
        );
    }
    // And nothing of ours is left unexplained: it is that chart's, or says that it is Ingora's alone.
    for key in ours {
        let alone = key.starts_with("controller.gateway.") || key.starts_with("controller.sync.");
        let known = explained.iter().any(|other| *other == key || key.starts_with(&format!("{other}.")));
        assert!(alone || known, "{key} is in neither part of docs/helm-values.md");
    }
}

fn the_readme_renders_as_expected() {
    let arguments = ["--dry-run", "--sort-values-order", "file", "--log-level", "error"];
    let text = chart::said(chart::tool("helm-docs").args(arguments).output().unwrap()).unwrap();
    compare(&chart::folder().join("README.md"), &text);
    let bare: Vec<_> = text.lines().filter(|line| line.starts_with("| ") && line.ends_with("|  |")).collect();
    assert!(bare.len() <= 1 && text.lines().count() > 250, "values without a word about them: {bare:?}");
}
