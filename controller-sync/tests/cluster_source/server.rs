//! A small API server on loopback that does what it is told to do wrong.
//!
//! It speaks as much of lists and watches as the source asks for: pages, streaming lists, bookmarks, versions, field
//! and label selectors. It keeps every change, so that a watch can begin anywhere.

use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{AUTHORIZATION, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What can be wrong with one answer.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// A refusal with this code, and `Retry-After` in seconds.
    Status(u16, Option<u64>),
    /// No answer at all.
    Hang,
    /// A good head, and then nothing for ever: a connection that died without a word.
    HalfOpen,
    /// A good head, and the connection is cut.
    Cut,
    /// A list without objects, or a streaming list that says the same.
    Empty,
    /// A watch that only says this.
    Line(Value),
    /// A watch that ends at once.
    End,
}

/// One request, as it came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) at: Instant,
    pub(super) path: String,
    pub(super) query: HashMap<String, String>,
}

impl Seen {
    pub(super) fn is_watch(&self) -> bool {
        self.query.contains_key("watch")
    }

    pub(super) fn is_streaming_list(&self) -> bool {
        self.query.contains_key("sendInitialEvents")
    }

    pub(super) fn is_of(&self, plural: &str) -> bool {
        self.path.ends_with(&format!("/{plural}"))
    }
}

#[derive(Default)]
struct World {
    version: u64,
    /// By plural, then by namespace and name.
    objects: BTreeMap<String, BTreeMap<(String, String), Value>>,
    /// Version, plural, type, object.
    history: Vec<(u64, String, &'static str, Value)>,
    /// Changes before this version are forgotten.
    oldest: u64,
    streaming: bool,
    down: bool,
    token: Option<String>,
    once: HashMap<String, VecDeque<Fault>>,
    always: HashMap<String, Fault>,
    seen: Vec<Seen>,
}

/// The server; it ends with the process.
#[derive(Clone)]
pub(super) struct Server {
    world: Arc<Mutex<World>>,
    /// The version, and how often all connections were cut.
    news: Arc<watch::Sender<(u64, u64)>>,
    address: SocketAddr,
}

impl Server {
    pub(super) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let world = World { version: 100, oldest: 100, streaming: true, ..World::default() };
        let server = Self {
            world: Arc::new(Mutex::new(world)),
            news: Arc::new(watch::channel((100, 0)).0),
            address: listener.local_addr().unwrap(),
        };
        let serving = server.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    tokio::spawn(serving.clone().converse(stream));
                }
            });
        });
        server
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Stores an object and tells every watch.
    pub(super) fn put(&self, plural: &str, mut object: Value) {
        let mut world = self.world();
        world.version += 1;
        let version = world.version;
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        object["metadata"]["managedFields"] = json!([{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}]);
        let id = id(&object);
        let old = world.objects.entry(plural.to_owned()).or_default().insert(id, object.clone());
        let kind = if old.is_some() { "MODIFIED" } else { "ADDED" };
        world.history.push((version, plural.to_owned(), kind, object));
        self.tell(&world);
    }

    /// Removes an object and tells every watch.
    pub(super) fn delete(&self, plural: &str, namespace: &str, name: &str) {
        let mut world = self.world();
        let id = (namespace.to_owned(), name.to_owned());
        let mut object = world.objects.get_mut(plural).and_then(|of| of.remove(&id)).expect("it is there");
        world.version += 1;
        let version = world.version;
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        world.history.push((version, plural.to_owned(), "DELETED", object));
        self.tell(&world);
    }

    fn tell(&self, world: &World) {
        self.news.send_modify(|(version, _)| *version = world.version);
    }

    /// The next request of this kind goes wrong; several in a row queue up.
    pub(super) fn once(&self, plural: &str, fault: Fault) {
        self.world().once.entry(plural.to_owned()).or_default().push_back(fault);
    }

    /// Every request of this kind goes wrong from now on, or none.
    pub(super) fn always(&self, plural: &str, fault: Option<Fault>) {
        let mut world = self.world();
        match fault {
            Some(fault) => world.always.insert(plural.to_owned(), fault),
            None => world.always.remove(plural),
        };
    }

    /// Whether streaming lists are known.
    pub(super) fn streaming(&self, known: bool) {
        self.world().streaming = known;
    }

    /// Only this token is good.
    pub(super) fn token(&self, token: &str) {
        self.world().token = Some(token.to_owned());
    }

    /// Forgets all changes so far: watches cannot begin there any more.
    pub(super) fn compact(&self) {
        let mut world = self.world();
        world.version += 1;
        world.oldest = world.version;
    }

    /// Cuts all connections.
    pub(super) fn cut(&self) {
        self.news.send_modify(|(_, cuts)| *cuts += 1);
    }

    /// Goes away, or comes back.
    pub(super) fn down(&self, down: bool) {
        self.world().down = down;
        self.cut();
    }

    /// All requests so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.world().seen.clone()
    }

    /// How many requests like this there were.
    pub(super) fn count(&self, like: impl Fn(&Seen) -> bool) -> usize {
        self.world().seen.iter().filter(|seen| like(seen)).count()
    }

    async fn converse(self, stream: tokio::net::TcpStream) {
        if self.world().down {
            return;
        }
        let mut news = self.news.subscribe();
        let cuts = news.borrow_and_update().1;
        let served = self.clone();
        let service = service_fn(move |request| {
            let served = served.clone();
            async move { Ok::<_, Infallible>(served.answer(request).await) }
        });
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            _ = connection => {}
            _ = news.wait_for(|(_, now)| *now != cuts) => {}
        }
    }

    async fn answer(self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let query = parse(request.uri().query().unwrap_or_default());
        let seen = Seen { at: Instant::now(), path: path.clone(), query: query.clone() };
        let plural = path.rsplit('/').next().unwrap().to_owned();
        let fault = {
            let mut world = self.world();
            world.seen.push(seen.clone());
            if let Some(token) = &world.token {
                let given = request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap());
                if given != Some(&format!("Bearer {token}")) {
                    return refuse(401, "Unauthorized", None);
                }
            }
            let once = world.once.get_mut(&plural).and_then(VecDeque::pop_front);
            once.or_else(|| world.always.get(&plural).cloned())
        };
        let namespace = path
            .split("/namespaces/")
            .nth(1)
            .and_then(|rest| rest.split_once('/'))
            .map(|(n, _)| n.to_owned());
        let wanted = Wanted { plural, namespace, query };
        match fault {
            Some(Fault::Status(code, after)) => refuse(code, "it was told to refuse", after),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::HalfOpen) => body(Box::pin(stream::pending())),
            Some(Fault::Cut) => {
                let cut = stream::once(async { Err(std::io::Error::other("cut")) });
                Response::new(StreamBody::new(cut).boxed_unsync())
            }
            Some(Fault::End) => body(Box::pin(stream::empty())),
            Some(Fault::Line(line)) => body(Box::pin(stream::once(async move { text(&line) }))),
            Some(Fault::Empty) if !seen.is_watch() => {
                let version = self.world().version.to_string();
                whole(&json!({"kind": "List", "metadata": {"resourceVersion": version}, "items": null}))
            }
            Some(Fault::Empty) => self.watch(wanted, true),
            None if seen.is_watch() => self.watch(wanted, false),
            None if wanted.query.contains_key("limit") => self.list(&wanted),
            // What the leader reads and writes: this server has no Lease, and stores nothing that others send.
            None => refuse(404, "there is no such object", None),
        }
    }

    fn list(&self, wanted: &Wanted) -> Response<Body> {
        let world = self.world();
        let from: usize = wanted.query.get("continue").map_or(0, |next| next.parse().unwrap());
        let limit: usize = wanted.query["limit"].parse().unwrap();
        let all: Vec<&Value> =
            world.objects.get(&wanted.plural).into_iter().flatten().map(|(_, o)| o).collect();
        let matching: Vec<&Value> = all.into_iter().filter(|object| wanted.matches(object)).collect();
        let limit = if limit == 0 { usize::MAX } else { limit };
        let items: Vec<Value> = matching.iter().skip(from).take(limit).map(|object| bare(object)).collect();
        let end = from + items.len();
        let next = if end < matching.len() { end.to_string() } else { String::new() };
        let metadata = json!({"resourceVersion": world.version.to_string(), "continue": next});
        whole(&json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items}))
    }

    fn watch(self, wanted: Wanted, empty: bool) -> Response<Body> {
        let seconds: u64 = wanted.query["timeoutSeconds"].parse().unwrap();
        let mut pieces = VecDeque::new();
        let mut sent;
        {
            let world = self.world();
            sent = world.version;
            if wanted.query.contains_key("sendInitialEvents") {
                if !world.streaming {
                    return refuse(422, "sendInitialEvents is forbidden for watch", None);
                }
                let objects =
                    world.objects.get(&wanted.plural).into_iter().flatten().map(|(_, object)| object);
                for object in objects.filter(|object| !empty && wanted.matches(object)) {
                    pieces.push_back(text(&json!({"type": "ADDED", "object": object})));
                }
                pieces.push_back(bookmark(sent, true));
            } else {
                sent = wanted.query["resourceVersion"].parse().unwrap();
                if sent < world.oldest {
                    let status =
                        json!({"kind": "Status", "code": 410, "message": "too old resource version"});
                    let gone = text(&json!({"type": "ERROR", "object": status}));
                    return body(Box::pin(stream::once(async move { gone })));
                }
            }
        }
        let end = tokio::time::Instant::now() + Duration::from_secs(seconds);
        let state =
            Watching { news: self.news.subscribe(), server: self, wanted, pieces, sent, end, over: false };
        body(Box::pin(stream::unfold(state, Watching::next)))
    }
}

struct Watching {
    server: Server,
    news: watch::Receiver<(u64, u64)>,
    wanted: Wanted,
    pieces: VecDeque<Bytes>,
    sent: u64,
    end: tokio::time::Instant,
    over: bool,
}

impl Watching {
    async fn next(mut self) -> Option<(Bytes, Self)> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                return Some((piece, self));
            }
            if self.over {
                return None;
            }
            self.news.borrow_and_update();
            self.gather();
            if !self.pieces.is_empty() {
                continue;
            }
            // As the real one does: a bookmark before the end.
            if tokio::time::timeout_at(self.end, self.news.changed()).await.is_err() {
                self.over = true;
                self.pieces.push_back(bookmark(self.sent, false));
            }
        }
    }

    fn gather(&mut self) {
        let world = self.server.world();
        for (version, plural, kind, object) in &world.history {
            if *version <= self.sent || *plural != self.wanted.plural || !self.wanted.is_here(object) {
                continue;
            }
            // What has lost the labels is gone as far as this watch goes.
            let kind = if self.wanted.matches(object) { kind } else { "DELETED" };
            self.pieces.push_back(text(&json!({"type": kind, "object": object})));
        }
        self.sent = self.sent.max(world.version);
    }
}

struct Wanted {
    plural: String,
    namespace: Option<String>,
    query: HashMap<String, String>,
}

impl Wanted {
    /// Whether namespace and fields match, which do not change.
    fn is_here(&self, object: &Value) -> bool {
        let (namespace, _) = id(object);
        let fields = self.query.get("fieldSelector").is_none_or(|selector| {
            selector.split(',').all(|part| match part.split_once("!=") {
                Some((field, value)) => at(object, field) != value,
                None => part.split_once('=').is_some_and(|(field, value)| at(object, field) == value),
            })
        });
        self.namespace.as_ref().is_none_or(|wanted| *wanted == namespace) && fields
    }

    fn matches(&self, object: &Value) -> bool {
        let labels = self.query.get("labelSelector").is_none_or(|selector| {
            selector.split(',').all(|part| {
                part.split_once('=').is_some_and(|(name, value)| object["metadata"]["labels"][name] == value)
            })
        });
        self.is_here(object) && labels
    }
}

fn at<'v>(object: &'v Value, field: &str) -> &'v str {
    object.pointer(&format!("/{}", field.replace('.', "/"))).and_then(Value::as_str).unwrap_or_default()
}

fn id(object: &Value) -> (String, String) {
    let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
    (text("namespace"), text("name"))
}

/// Elements of a list do not say what they are.
fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    object
}

fn bookmark(version: u64, complete: bool) -> Bytes {
    let annotations = if complete { json!({"k8s.io/initial-events-end": "true"}) } else { json!({}) };
    let metadata = json!({"resourceVersion": version.to_string(), "annotations": annotations});
    text(&json!({"type": "BOOKMARK", "object": {"kind": "Bookmark", "metadata": metadata}}))
}

fn text(line: &Value) -> Bytes {
    Bytes::from(format!("{line}\n"))
}

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

fn body(pieces: std::pin::Pin<Box<dyn stream::Stream<Item = Bytes> + Send>>) -> Response<Body> {
    use futures_util::StreamExt as _;
    Response::new(StreamBody::new(pieces.map(|piece| Ok(Frame::data(piece)))).boxed_unsync())
}

fn whole(value: &Value) -> Response<Body> {
    Response::new(Full::new(Bytes::from(value.to_string())).map_err(|never| match never {}).boxed_unsync())
}

fn refuse(code: u16, message: &str, after: Option<u64>) -> Response<Body> {
    let mut response =
        whole(&json!({"kind": "Status", "apiVersion": "v1", "code": code, "message": message}));
    *response.status_mut() = hyper::StatusCode::from_u16(code).unwrap();
    if let Some(after) = after {
        response.headers_mut().insert(RETRY_AFTER, after.into());
    }
    response
}

fn parse(query: &str) -> HashMap<String, String> {
    let decode = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            let byte = match byte {
                b'%' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => other,
            };
            bytes.push(byte);
        }
        String::from_utf8(bytes).unwrap()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(n, v)| (decode(n), decode(v)))
        .collect()
}
