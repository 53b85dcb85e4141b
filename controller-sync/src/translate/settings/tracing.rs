//! Traces and places: OpenTelemetry, Jaeger, GeoIP.

use super::key::Effect::{Dead, NotYet};
use super::key::{BOOL, NUMBER, Row, TEXT};

const TRACES: &str = "no spans are sent";
const PLACES: &str = "there is no GeoIP database";

pub(super) const ROWS: &[Row] = &[
    Row::new("enable-opentelemetry", BOOL, "false", NotYet(TRACES)),
    Row::new("opentelemetry-trust-incoming-span", BOOL, "true", NotYet(TRACES)),
    Row::new("opentelemetry-operation-name", TEXT, "", NotYet(TRACES)),
    Row::new("opentelemetry-config", TEXT, "", NotYet(TRACES)),
    Row::new("otlp-collector-host", TEXT, "", NotYet(TRACES)),
    Row::new("otlp-collector-port", NUMBER, "4317", NotYet(TRACES)),
    Row::new("otel-max-queuesize", NUMBER, "2048", NotYet(TRACES)),
    Row::new("otel-schedule-delay-millis", NUMBER, "5000", NotYet(TRACES)),
    Row::new("otel-max-export-batch-size", NUMBER, "512", NotYet(TRACES)),
    Row::new("otel-service-name", TEXT, "nginx", NotYet(TRACES)),
    Row::new("otel-sampler", TEXT, "AlwaysOn", NotYet(TRACES)),
    Row::new("otel-sampler-parent-based", BOOL, "true", NotYet(TRACES)),
    Row::new("otel-sampler-ratio", NUMBER, "0.01", NotYet(TRACES)),
    Row::new("use-geoip2", BOOL, "false", NotYet(PLACES)),
    Row::new("geoip2-autoreload-in-minutes", NUMBER, "0", NotYet(PLACES)),
    Row::new("use-geoip", BOOL, "true", Dead),
    Row::new("jaeger-collector-host", TEXT, "", Dead),
    Row::new("jaeger-collector-port", NUMBER, "6831", Dead),
    Row::new("jaeger-endpoint", TEXT, "", Dead),
    Row::new("jaeger-service-name", TEXT, "nginx", Dead),
    Row::new("jaeger-propagation-format", TEXT, "jaeger", Dead),
    Row::new("jaeger-sampler-type", TEXT, "const", Dead),
    Row::new("jaeger-sampler-param", TEXT, "1", Dead),
    Row::new("jaeger-sampler-host", TEXT, "http://127.0.0.1", Dead),
    Row::new("jaeger-sampler-port", NUMBER, "5778", Dead),
    Row::new("jaeger-trace-context-header-name", TEXT, "uber-trace-id", Dead),
    Row::new("jaeger-debug-header", TEXT, "uber-debug-id", Dead),
    Row::new("jaeger-baggage-header", TEXT, "jaeger-baggage", Dead),
    Row::new("jaeger-trace-baggage-header-prefix", TEXT, "uberctx-", Dead),
];
