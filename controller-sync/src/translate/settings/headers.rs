//! Headers that pass, and that are made.

use super::draft::set;
use super::key::Effect::Live;
use super::key::{BOOL, CONFIG_MAP, Row};
use crate::translate::value::{boolean, header_name};

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "add-headers",
        CONFIG_MAP,
        "",
        Live(|d, v| {
            d.add_headers = Some(v.trim().to_owned());
            Ok(())
        }),
    )
    .note("`name` or `namespace/name`, in the namespace of this ConfigMap. On answers of routes, replacing those of upstreams; with variables."),
    Row::new(
        "proxy-set-headers",
        CONFIG_MAP,
        "",
        Live(|d, v| {
            d.proxy_set_headers = Some(v.trim().to_owned());
            Ok(())
        }),
    )
    .note("The same, for requests to upstreams, after the headers that Ingora sets; with variables."),
    Row::new(
        "hide-headers",
        "list of header names",
        "",
        Live(|d, v| {
            let names = d.list(v, header_name);
            d.settings.headers.hide_headers = names.into_iter().map(|name| name.as_str().to_owned()).collect();
            Ok(())
        }),
    ),
    Row::new(
        "allow-backend-server-header",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.settings.headers.allow_backend_server_header, boolean(v))),
    ),
    Row::new(
        "server-tokens",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.settings.headers.server_tokens, boolean(v))),
    )
    .note("`Server: ingora` where ingress-nginx says `Server: nginx`."),
    Row::new(
        "generate-request-id",
        BOOL,
        "true",
        Live(|d, v| set(&mut d.settings.headers.generate_request_id, boolean(v))),
    ),
    Row::new(
        "proxy-add-original-uri-header",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.settings.headers.proxy_add_original_uri_header, boolean(v))),
    ),
    Row::new(
        "global-allowed-response-headers",
        "list of header names",
        "",
        Live(|d, v| {
            // What is allowed is compared letter by letter.
            let names = d.list(v, |item| header_name(item).map(|_| item.trim().to_owned()));
            d.gates.allowed_response_headers = names;
            Ok(())
        }),
    )
    .note("What the annotation `custom-headers` may set, in the same letters."),
];
