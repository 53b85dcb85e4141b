//! The access log from the outside: what arrives at a sink, and what happens when it stalls.

use super::*;
use crate::live::{Batch, Live};
use crate::reason::Reason;
use ingora_config::policy::{Canary, CanaryRule};
use ingora_config::settings::{self, LogEscape, LogPart, LogVariable};
use ingora_config::{
    Backend, Host, NamespacedName, PathKind, PathMatch, PathValue, Resource, Route, RouteKey, ServicePort,
    UpstreamId,
};
use std::sync::mpsc;

const LONG: Duration = Duration::from_secs(20);

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(lock(&self.0).clone()).unwrap()
    }
}

/// Says when it is written to, and takes nothing until it is told to.
struct Stalled {
    reached: mpsc::Sender<()>,
    go_on: mpsc::Receiver<()>,
    sink: Sink,
}

impl Write for Stalled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.reached.send(());
        let _ = self.go_on.recv();
        self.sink.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn record() -> Record<'static> {
    Record {
        user: "",
        client: [192, 0, 2, 1].into(),
        method: "GET",
        tls: true,
        host: "a.test",
        path: "/p",
        protocol: "HTTP/1.1",
        status: 200,
        reason: None,
        route: None,
        canary: None,
        upstream_address: Some("10.0.0.1:80"),
        tries: 1,
        bytes_in: 3,
        bytes_out: 1234,
        duration: Duration::from_micros(1_500_042),
        connect_time: Some(Duration::from_micros(7)),
        header_time: Some(Duration::from_millis(12)),
        request_id: "0af",
        user_agent: "curl/8",
        upstream_time: Some(Duration::from_millis(15)),
        target: "/p?q",
        unrouted: false,
        error_status: None,
        rewritten: "",
        request_headers: None,
        response_headers: None,
    }
}

fn written(format: LogFormat, records: &[Record<'_>]) -> String {
    let sink = Sink::default();
    let log = AccessLog::start(format, Box::new(sink.clone()), Counter::default());
    for record in records {
        log.record(record, None);
    }
    log.flush(LONG);
    sink.text()
}

fn route() -> Arc<crate::table::CompiledRoute> {
    let key = RouteKey {
        host: Host::CatchAll,
        path: PathMatch { kind: PathKind::Prefix, value: PathValue::new("/").unwrap() },
    };
    let id = UpstreamId { namespace: "shop".into(), service: "web".into(), port: ServicePort::Number(80) };
    let ingress = NamespacedName::new("shop", "front");
    let mut route = Route::new(key.clone(), ingress, Backend::Upstream(id.clone()));
    route.canaries.push(Canary {
        ingress: NamespacedName::new("shop", "next"),
        upstream: UpstreamId { service: "next".into(), ..id },
        rule: Arc::new(CanaryRule {
            weight: 10,
            weight_total: 100,
            by_header: None,
            by_cookie: None,
            sticky: true,
            load_balance: None,
        }),
    });
    let live = Live::new().unwrap();
    live.apply(Batch::full(1, [Resource::Route(route)]));
    live.table().route(&key).cloned().unwrap()
}

#[test]
fn a_json_line_has_every_field_and_no_empty_one() {
    let route = route();
    let line = written(LogFormat::Json, &[Record { route: Some(&route), ..record() }]);
    let mut value: serde_json::Value = serde_json::from_str(&line).unwrap();
    let time = value.as_object_mut().unwrap().remove("time").unwrap();
    assert!(time.as_str().unwrap().ends_with('Z'));
    assert_eq!(
        value,
        serde_json::json!({
            "client": "192.0.2.1", "method": "GET", "scheme": "https", "host": "a.test", "path": "/p",
            "protocol": "HTTP/1.1", "status": 200, "namespace": "shop", "ingress": "front", "service": "web",
            "upstream": "shop-web-80", "upstream_address": "10.0.0.1:80", "tries": 1, "bytes_in": 3,
            "bytes_out": 1234, "duration": 1.500_042, "upstream_connect_time": 0.000_007,
            "upstream_header_time": 0.012, "request_id": "0af", "user_agent": "curl/8",
        })
    );
}

#[test]
fn a_text_line_has_the_fields_of_ingress_nginx_in_its_order() {
    let route = route();
    let line = written(LogFormat::Text, &[Record { route: Some(&route), ..record() }]);
    let (start, rest) = line.split_once(" [").unwrap();
    let (_, rest) = rest.split_once("] ").unwrap();
    assert_eq!(start, "192.0.2.1 - -");
    assert_eq!(
        rest,
        "\"GET /p HTTP/1.1\" 200 1234 \"-\" \"curl/8\" 3 1.500 [shop-web-80] [] 10.0.0.1:80 1234 0.012 200 0af https \"a.test\" shop/front 1 -\n"
    );
    let refused = Record::refused([192, 0, 2, 9].into(), false, Reason::BadRequest);
    let line = written(LogFormat::Text, &[refused]);
    assert!(
        line.ends_with("\"- - -\" 400 0 \"-\" \"-\" 0 0.000 [-] [] - - - - - http \"-\" - 0 bad_request\n"),
        "{line}"
    );
}

#[test]
fn the_canary_that_served_stands_in_every_form_of_a_line() {
    let route = route();
    let record = Record { route: Some(&route), canary: route.canary(Some(0)), ..record() };
    let json: serde_json::Value = serde_json::from_str(&written(LogFormat::Json, &[record])).unwrap();
    assert_eq!((&json["upstream"], &json["canary"]), (&"shop-web-80".into(), &"shop-next-80".into()));
    assert!(written(LogFormat::Text, &[record]).contains(" [shop-web-80] [shop-next-80] "));
    let sink = Sink::default();
    let log = AccessLog::start(LogFormat::Json, Box::new(sink.clone()), Counter::default());
    let parts = vec![LogPart::Variable(LogVariable::ProxyAlternativeUpstreamName)];
    let format = settings::LogFormat { escape: LogEscape::Default, parts };
    log.record(&record, Some(&format));
    log.record(&Record { canary: None, ..record }, Some(&format));
    log.flush(LONG);
    assert_eq!(sink.text(), "shop-next-80\n-\n");
}

#[test]
fn what_a_client_wrote_can_neither_end_a_line_nor_a_string() {
    let hostile = "a\"b\\c\nd\r\u{1b}[31m\u{7f}\u{85}\u{202e}\u{2028}\u{10ff80}é";
    let record = Record {
        path: hostile,
        user_agent: hostile,
        method: hostile,
        host: hostile,
        request_id: hostile,
        ..record()
    };
    let json = written(LogFormat::Json, &[record]);
    assert_eq!(json.matches('\n').count(), 1);
    assert!(json.trim_end().chars().all(|char| matches!(char, ' '..='~' | 'é')), "{json:?}");
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    for field in ["path", "user_agent", "method", "host", "request_id"] {
        assert_eq!(value[field], hostile);
    }
    let text = written(LogFormat::Text, &[record]);
    assert_eq!(text.matches('\n').count(), 1);
    assert!(text.trim_end().bytes().all(|byte| matches!(byte, b' '..=b'~')), "{text:?}");
    assert!(text.contains(r#""a\x22b\x5Cc\x0Ad\x0D\x1B[31m"#), "{text}");
}

#[test]
fn what_is_too_long_is_cut() {
    let path = format!("/{}", "ü".repeat(100_000));
    let record = Record { path: &path, ..record() };
    for format in [LogFormat::Json, LogFormat::Text] {
        let line = written(format, &[record]);
        assert!(line.len() < 10_000 && line.contains("..."), "{}", line.len());
    }
}

#[test]
fn a_stalled_sink_stops_nobody_and_every_line_is_either_written_or_counted() {
    let (reached_sender, reached) = mpsc::channel();
    let (go_on, go_on_receiver) = mpsc::channel();
    let sink = Sink::default();
    let stalled = Stalled { reached: reached_sender, go_on: go_on_receiver, sink: sink.clone() };
    let dropped = Counter::default();
    let log = AccessLog::start(LogFormat::Json, Box::new(stalled), dropped.clone());
    log.record(&record(), None);
    // From here on the writer hangs in the sink.
    reached.recv_timeout(LONG).unwrap();
    let mut recorded = 1;
    while dropped.get() < 1000 {
        log.record(&record(), None);
        recorded += 1;
        assert!(recorded < 1_000_000, "a full buffer takes no more lines");
    }
    drop(go_on);
    log.flush(LONG);
    assert_eq!(sink.text().lines().count() as u64 + dropped.get(), recorded);
}

#[test]
fn lines_of_many_threads_arrive_whole() {
    let sink = Sink::default();
    let log = AccessLog::start(LogFormat::Json, Box::new(sink.clone()), Counter::default());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..500).for_each(|_| log.record(&record(), None)));
        }
    });
    log.flush(LONG);
    let text = sink.text();
    assert_eq!(text.lines().count(), 4000);
    assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
}

#[test]
fn a_sink_that_fails_is_counted() {
    struct Broken;
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let dropped = Counter::default();
    let log = AccessLog::start(LogFormat::Text, Box::new(Broken), dropped.clone());
    for _ in 0..3 {
        log.record(&record(), None);
    }
    log.flush(LONG);
    assert_eq!(dropped.get(), 3);
}
