//! The contenders of the side-by-side as far as they are installed here: that their configuration is right in their own eyes,
//! and that every one of them sends the same headers to the upstream and writes a log. Who is missing is named and left out.

use clap::ValueEnum as _;
use ingora_loadtest::bench::certificate::Certificate;
use ingora_loadtest::bench::contender::{Contender, Programs, Setup, envoy, haproxy, ingora, nginx};
use ingora_loadtest::bench::load::handshakes;
use ingora_loadtest::bench::process::Process;
use ingora_loadtest::bench::site::Ports;
use ingora_loadtest::bench::{probe, site};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

fn programs() -> Programs {
    let beside = Path::new(env!("CARGO_BIN_EXE_ingora-bench")).parent().expect("it stands in a folder");
    Programs { ours: beside.to_owned(), envoy: std::env::var_os("ENVOY").map(PathBuf::from) }
}

fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
    listener.local_addr().expect("it is bound")
}

/// Three routes to `backend`, in a folder of its own.
fn with_setup<T>(backend: SocketAddr, check: impl FnOnce(&Setup<'_>) -> T) -> T {
    let home = tempfile::tempdir().expect("a temporary folder");
    let certificate = Certificate::make(home.path()).expect("the folder can be written");
    check(&Setup {
        folder: home.path(),
        routes: 3,
        backend,
        target: "/?size=1000",
        certificate: &certificate,
        ports: Ports::free().expect("loopback has free ports"),
        open_files: 1024,
    })
}

fn accepts(program: &Path, arguments: &[&str], file: &Path) {
    let output = Command::new(program).args(arguments).arg(file).output().expect("it runs");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", program.display());
}

#[test]
fn every_configuration_names_every_host_and_its_program_accepts_it() {
    with_setup(free_port(), |setup| {
        let texts = [
            (Contender::Nginx, "nginx.conf", nginx::configuration(setup)),
            (Contender::Envoy, "envoy.json", envoy::configuration(setup).to_string()),
            (Contender::Haproxy, "hosts.map", haproxy::hosts(setup.routes)),
            (Contender::Haproxy, "haproxy.cfg", haproxy::configuration(setup)),
            (Contender::Ingora, "ingresses.yaml", ingora::ingresses(0..setup.routes)),
        ];
        for (contender, name, text) in texts {
            let file = setup.folder.join(name);
            std::fs::write(&file, &text).expect("the folder can be written");
            for number in 0..setup.routes {
                let there = text.contains(&site::host(number)) || name == "haproxy.cfg";
                assert!(there && !text.contains(&site::host(setup.routes)), "{name}: {text}");
            }
            let program = match programs().find(contender) {
                Ok(program) => program,
                Err(why) => {
                    println!("not tried with {}: {why}", contender.title());
                    continue;
                }
            };
            match name {
                "nginx.conf" => accepts(&program, &["-t", "-c"], &file),
                "envoy.json" => accepts(&program, &["--mode", "validate", "-c"], &file),
                "haproxy.cfg" => accepts(&program, &["-c", "-f"], &file),
                _ => {}
            }
        }
    });
}

const HEADERS: [&str; 8] = [
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-real-ip",
    "x-request-id",
    "x-scheme",
];

/// The headers that begin with `x-`, without those that only name the proxy's own clock, and what `Host` was.
fn seen(body: &[u8]) -> (Vec<(String, String)>, String) {
    let report: serde_json::Value = serde_json::from_slice(body).expect("the echo answers with JSON");
    let headers: Vec<(String, String)> =
        serde_json::from_value(report["headers"].clone()).expect("it lists headers in pairs");
    let host = headers.iter().find(|(name, _)| name == "host").map(|(_, value)| value.clone());
    let mut own: Vec<(String, String)> = headers
        .into_iter()
        .filter(|(name, _)| name.starts_with("x-") && !name.starts_with("x-envoy-"))
        .collect();
    own.sort();
    (own, host.unwrap_or_default())
}

#[test]
fn all_contenders_send_the_same_headers_and_write_a_log() {
    let backend = free_port();
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ingora-echo"));
    command.arg("--listen").arg(backend.to_string());
    let _echo = Process::start("the echo", command, "0", &home.path().join("log")).expect("it starts");
    for contender in Contender::value_variants() {
        if *contender == Contender::BarePingora {
            continue;
        }
        if let Err(why) = programs().find(*contender) {
            println!("not tested: {}: {why}", contender.title());
            continue;
        }
        with_setup(backend, |setup| {
            let _running = contender.start(&programs(), setup, "0").expect("it serves all routes");
            let host = site::host(2);
            for (tls, port, scheme) in [(false, "80", "http"), (true, "443", "https")] {
                let answer = if tls {
                    probe::get_tls(setup.ports.https_address(), &host, "/")
                } else {
                    probe::get(setup.ports.http_address(), &host, "/")
                };
                let answer = answer.expect("it answers");
                let (headers, seen_host) = seen(&answer.body);
                let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
                assert_eq!((names.as_slice(), &seen_host), (HEADERS.as_slice(), &host), "{contender:?}");
                for (name, want) in [
                    ("x-forwarded-for", "127.0.0.1"),
                    ("x-real-ip", "127.0.0.1"),
                    ("x-forwarded-host", &host),
                    ("x-forwarded-port", port),
                    ("x-forwarded-proto", scheme),
                    ("x-forwarded-scheme", scheme),
                    ("x-scheme", scheme),
                ] {
                    assert!(
                        headers.contains(&(name.to_owned(), want.to_owned())),
                        "{contender:?}: {headers:?}"
                    );
                }
            }
            let unknown = probe::get(setup.ports.http_address(), "nobody.test", "/").expect("it answers");
            assert!(matches!(unknown.status, 404 | 503), "{contender:?} routes by host: {unknown:?}");
            let new = handshakes::run(&handshakes::Plan {
                address: setup.ports.https_address(),
                target: setup.target,
                bytes: 1000,
                connections: 2,
                duration: Duration::from_millis(50),
            });
            assert!(new.requests > 0 && new.errors == 0, "{contender:?}: {new:?}");
            writes_a_log(*contender, setup);
        });
    }
}

/// Envoy writes every ten seconds only; everybody else soon.
fn writes_a_log(contender: Contender, setup: &Setup<'_>) {
    let patience = std::time::Instant::now();
    while contender != Contender::Envoy
        && std::fs::read_to_string(setup.folder.join("access.log"))
            .map_or(0, |log| log.matches("ingora-bench").count())
            < 2
    {
        assert!(patience.elapsed() < Duration::from_secs(20), "{contender:?} logs nothing");
        std::thread::sleep(Duration::from_millis(5));
    }
}
