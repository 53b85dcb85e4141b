//! Envoy: one virtual host for each route, one worker, the same headers towards the upstream, a file access log with the same
//! fields. Its counters and its admin port are always on.

use super::{Part, Setup};
use crate::bench::{Result, site};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

const TLS_CONTEXT: &str =
    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
const MANAGER: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER: &str = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
const FILE_LOG: &str = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";

/// The fields of ingress-nginx' log, in Envoy's words.
const LOG_FORMAT: &str = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% - - [%START_TIME%] \
    \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %BYTES_SENT% \"%REQ(REFERER)%\" \
    \"%REQ(USER-AGENT)%\" %BYTES_RECEIVED% %DURATION% [%UPSTREAM_CLUSTER%] [] %UPSTREAM_HOST% %BYTES_SENT% \
    %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% %RESPONSE_CODE% %REQ(X-REQUEST-ID)%\n";

/// Writes the configuration and says how to start it.
pub(super) fn prepare(program: &Path, setup: &Setup<'_>) -> Result<Vec<Part>> {
    let file = setup.write("envoy.json", &configuration(setup).to_string())?;
    let mut command = Command::new(program);
    command.arg("-c").arg(file).args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]);
    Ok(vec![Part { name: "envoy", command, log: setup.folder.join("output.log") }])
}

/// The whole bootstrap configuration.
pub fn configuration(setup: &Setup<'_>) -> Value {
    json!({
        "admin": { "address": address((std::net::Ipv4Addr::LOCALHOST, setup.ports.admin).into()) },
        "static_resources": {
            "listeners": [listener(setup, false), listener(setup, true)],
            "clusters": [{
                "name": "web",
                "type": "STATIC",
                "connect_timeout": "5s",
                "load_assignment": { "cluster_name": "web", "endpoints": [{ "lb_endpoints": [
                    { "endpoint": { "address": address(setup.backend) } }
                ] }] },
            }],
        },
    })
}

fn address(of: SocketAddr) -> Value {
    json!({ "socket_address": { "address": of.ip().to_string(), "port_value": of.port() } })
}

fn listener(setup: &Setup<'_>, tls: bool) -> Value {
    let (name, port) =
        if tls { ("https", setup.ports.https_address()) } else { ("http", setup.ports.http_address()) };
    let mut chain = json!({ "filters": [{
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": manager(setup, tls),
    }] });
    if tls {
        chain["transport_socket"] = json!({ "name": "envoy.transport_sockets.tls", "typed_config": {
            "@type": TLS_CONTEXT,
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_params": { "tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3" },
                "tls_certificates": [{
                    "certificate_chain": { "filename": setup.certificate.certificate },
                    "private_key": { "filename": setup.certificate.key },
                }],
            },
        } });
    }
    json!({ "name": name, "address": address(port), "filter_chains": [chain] })
}

fn manager(setup: &Setup<'_>, tls: bool) -> Value {
    let hosts: Vec<Value> = (0..setup.routes)
        .map(|number| {
            json!({
                "name": format!("host-{number}"),
                "domains": [site::host(number)],
                "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "web" } }],
            })
        })
        .collect();
    let mut routes =
        json!({ "name": "bench", "virtual_hosts": hosts, "request_headers_to_add": headers(tls) });
    if tls {
        routes["response_headers_to_add"] =
            json!([header("Strict-Transport-Security", "max-age=31536000; includeSubDomains")]);
    }
    json!({
        "@type": MANAGER,
        "stat_prefix": "edge",
        "use_remote_address": true,
        "server_header_transformation": "PASS_THROUGH",
        "route_config": routes,
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": { "@type": ROUTER },
        }],
        "access_log": [{ "name": "envoy.access_loggers.file", "typed_config": {
            "@type": FILE_LOG,
            "path": setup.access_log(),
            "log_format": { "text_format_source": { "inline_string": LOG_FORMAT } },
        } }],
    })
}

fn header(name: &str, value: &str) -> Value {
    json!({ "header": { "key": name, "value": value }, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD" })
}

/// What Envoy does not set by itself; X-Request-ID and X-Forwarded-Proto it does.
fn headers(tls: bool) -> Value {
    let (scheme, port) = if tls { ("https", "443") } else { ("http", "80") };
    let client = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%";
    json!([
        header("X-Real-IP", client),
        header("X-Forwarded-For", client),
        header("X-Forwarded-Host", "%REQ(:AUTHORITY)%"),
        header("X-Forwarded-Port", port),
        header("X-Forwarded-Scheme", scheme),
        header("X-Scheme", scheme),
    ])
}
