//! An API server for tests, in memory: objects by path, versions, merge patches, conflicts; and it fails on demand.

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) at: Instant,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Value,
}

impl Asked {
    pub(crate) fn writes(&self) -> bool {
        self.method != Method::GET
    }
}

/// What the server does instead of answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It never answers.
    Hang,
    /// It does what it was asked and never answers.
    Mute,
    /// It answers with this code.
    Refuse(u16),
}

type Rule = Box<dyn Fn(&Asked) -> Option<Fault> + Send>;

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    version: u64,
    asked: Vec<Asked>,
    fault: Option<Rule>,
    delay: Duration,
}

#[derive(Clone, Default)]
pub(crate) struct FakeApi(Arc<Mutex<State>>);

impl FakeApi {
    pub(crate) fn client(&self) -> Client {
        Client::new(self.clone(), "edge")
    }

    /// Stores an object as if somebody else had written it; answers its version.
    pub(crate) fn put(&self, path: &str, mut object: Value) -> String {
        let mut state = self.0.lock().unwrap();
        state.version += 1;
        let version = state.version.to_string();
        object["metadata"]["resourceVersion"] = json!(version);
        state.objects.insert(path.to_owned(), object);
        version
    }

    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        self.0.lock().unwrap().objects.get(path).cloned()
    }

    pub(crate) fn remove(&self, path: &str) {
        self.0.lock().unwrap().objects.remove(path);
    }

    pub(crate) fn under(&self, prefix: &str) -> Vec<Value> {
        let state = self.0.lock().unwrap();
        state
            .objects
            .iter()
            .filter(|(path, _)| path.starts_with(prefix))
            .map(|(_, object)| object.clone())
            .collect()
    }

    /// Everything asked since the last call.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    /// From now on, fail like this.
    pub(crate) fn fail(&self, rule: impl Fn(&Asked) -> Option<Fault> + Send + 'static) {
        self.0.lock().unwrap().fault = Some(Box::new(rule));
    }

    pub(crate) fn heal(&self) {
        self.0.lock().unwrap().fault = None;
    }

    /// Every answer takes this long.
    pub(crate) fn slow(&self, delay: Duration) {
        self.0.lock().unwrap().delay = delay;
    }

    async fn answer(self, request: Request<Body>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let path = parts.uri.path().to_owned();
        let asked = Asked { at: Instant::now(), method: parts.method, path, body };
        let (fault, delay) = {
            let mut state = self.0.lock().unwrap();
            state.asked.push(asked.clone());
            (state.fault.as_ref().and_then(|rule| rule(&asked)), state.delay)
        };
        tokio::time::sleep(delay).await;
        let (code, answer) = match fault {
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Mute) => {
                self.act(&asked, parts.uri.query());
                std::future::pending().await
            }
            Some(Fault::Refuse(code)) => refusal(code, "Injected"),
            None => self.act(&asked, parts.uri.query()),
        };
        Response::builder().status(code).body(Full::new(Bytes::from(answer.to_string()))).unwrap()
    }

    fn act(&self, asked: &Asked, query: Option<&str>) -> (u16, Value) {
        let path = asked.path.strip_suffix("/status").unwrap_or(&asked.path).to_owned();
        match asked.method {
            Method::GET => match self.get(&path) {
                Some(object) => (200, object),
                None if is_collection(&path) => (200, self.list(&path, query)),
                None => refusal(404, "NotFound"),
            },
            Method::POST => {
                let path = format!("{path}/{}", asked.body["metadata"]["name"].as_str().unwrap());
                if self.get(&path).is_some() {
                    return refusal(409, "AlreadyExists");
                }
                self.put(&path, asked.body.clone());
                (201, self.get(&path).unwrap())
            }
            Method::PUT | Method::PATCH => {
                let Some(mut object) = self.get(&path) else { return refusal(404, "NotFound") };
                let based_on = &asked.body["metadata"]["resourceVersion"];
                if !based_on.is_null() && *based_on != object["metadata"]["resourceVersion"] {
                    return refusal(409, "Conflict");
                }
                if asked.method == Method::PUT {
                    object = asked.body.clone();
                } else {
                    merge(&mut object, &asked.body);
                }
                self.put(&path, object);
                (200, self.get(&path).unwrap())
            }
            _ => refusal(405, "MethodNotAllowed"),
        }
    }

    /// All objects right below a path that carry the labels and the name of the query.
    fn list(&self, path: &str, query: Option<&str>) -> Value {
        let query = query.unwrap_or_default().replace("%3D", "=").replace("%2C", ",").replace("%2F", "/");
        let selector =
            query.split('&').find_map(|part| part.strip_prefix("labelSelector=")).unwrap_or_default();
        let labels: Vec<(&str, &str)> = selector.split(',').filter_map(|pair| pair.split_once('=')).collect();
        let name = query.split('&').find_map(|part| part.strip_prefix("fieldSelector=metadata.name="));
        let items: Vec<Value> = self
            .under(&format!("{path}/"))
            .into_iter()
            .filter(|item| name.is_none_or(|name| item["metadata"]["name"] == name))
            .filter(|item| labels.iter().all(|(key, value)| item["metadata"]["labels"][*key] == *value))
            .collect();
        json!({"metadata": {}, "items": items})
    }
}

fn is_collection(path: &str) -> bool {
    ["/pods", "/services", "/secrets", "/ingresses"].iter().any(|end| path.ends_with(end))
}

fn refusal(code: u16, reason: &str) -> (u16, Value) {
    let status = json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "reason": reason,
        "message": format!("{reason} ({code})")});
    (code, status)
}

/// RFC 7396.
fn merge(object: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else { return *object = patch.clone() };
    if !object.is_object() {
        *object = json!({});
    }
    let object = object.as_object_mut().unwrap();
    for (key, value) in patch {
        if value.is_null() {
            object.remove(key);
        } else {
            merge(object.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

impl tower_service::Service<Request<Body>> for FakeApi {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let api = self.clone();
        Box::pin(async move { Ok(api.answer(request).await) })
    }
}
