//! Text with variables, in the syntax of nginx: `$name`, `${name}`, and `$1` to `$9` where a path has groups.
//!
//! nginx expands any of its hundreds of variables in some annotations. Here the set is closed and typed: what is not in
//! [`Variable::ALL`] is refused when the annotation is read, not when a request comes.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest template, in bytes.
pub const MAX_TEMPLATE_BYTES: usize = 2048;

/// Something that is known only when a request comes, by the name nginx or ingress-nginx gives it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Variable {
    /// The host of the request in lower case, without port.
    Host,
    /// The host as the client wrote it, with its port.
    HttpHost,
    /// The namespace of the Ingress.
    Namespace,
    /// The name of the Ingress.
    IngressName,
    /// The name of the Service.
    ServiceName,
    /// The port of the Service, as the Ingress names it.
    ServicePort,
    /// The path of the rule.
    LocationPath,
    /// `namespace-service-port`.
    UpstreamName,
    /// The host of the rule; `_` for a rule without one.
    ServerName,
    /// `http` or `https`: the connection's.
    Scheme,
    /// The scheme the client used, as a trusted proxy in front says it.
    ClientScheme,
    /// The method.
    RequestMethod,
    /// The target as it came: path and query.
    RequestUri,
    /// The path, decoded and normalised.
    Uri,
    /// The target as it came, escaped so that it can be the value of a query's parameter.
    EscapedRequestUri,
    /// The query without `?`.
    Args,
    /// `?` where there is a query, else nothing.
    IsArgs,
    /// The address of the client.
    RemoteAddr,
    /// The ID of the request.
    RequestId,
    /// `$http_…`: the header of this name (lower case, `-` for each `_`), several of one name joined with `, `.
    Header(Box<str>),
    /// `$cookie_…`: the cookie of this name.
    Cookie(Box<str>),
    /// `$arg_…`: the first parameter of this name in the query, as it came; names compare without regard to case.
    Arg(Box<str>),
}

impl Variable {
    /// Every name that is understood, besides `http_…`, `cookie_…` and `arg_…` with any name behind them.
    pub const ALL: [(&'static str, Self); 24] = [
        ("host", Self::Host),
        ("http_host", Self::HttpHost),
        ("best_http_host", Self::HttpHost),
        ("namespace", Self::Namespace),
        ("ingress_name", Self::IngressName),
        ("service_name", Self::ServiceName),
        ("service_port", Self::ServicePort),
        ("location_path", Self::LocationPath),
        ("proxy_upstream_name", Self::UpstreamName),
        ("server_name", Self::ServerName),
        ("scheme", Self::Scheme),
        ("pass_access_scheme", Self::ClientScheme),
        ("request_method", Self::RequestMethod),
        ("request_uri", Self::RequestUri),
        ("escaped_request_uri", Self::EscapedRequestUri),
        ("uri", Self::Uri),
        ("document_uri", Self::Uri),
        ("args", Self::Args),
        ("query_string", Self::Args),
        ("is_args", Self::IsArgs),
        ("remote_addr", Self::RemoteAddr),
        ("binary_remote_addr", Self::RemoteAddr),
        ("request_id", Self::RequestId),
        ("req_id", Self::RequestId),
    ];

    fn named(name: &str) -> Option<Self> {
        let known = Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, variable)| variable.clone());
        known.or_else(|| Self::of_request(name))
    }

    /// What a client may send under any name; its letters are those that nginx has in names of variables.
    fn of_request(name: &str) -> Option<Self> {
        let (kind, name) = name.split_once('_').filter(|(_, name)| !name.is_empty())?;
        match kind {
            "http" => Some(Self::Header(name.to_ascii_lowercase().replace('_', "-").into())),
            "cookie" => Some(Self::Cookie(name.into())),
            "arg" => Some(Self::Arg(name.into())),
            _ => None,
        }
    }
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Printable ASCII.
    Literal(Box<str>),
    /// What a variable stands for.
    Variable(Variable),
    /// What the group of this number, 1 to 9, of the rule's path matched; nothing when it took no part in the match.
    Group(u8),
}

/// Printable ASCII with variables.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template {
    text: Box<str>,
    parts: Vec<Part>,
}

impl Template {
    /// Reads a template; as in nginx one digit names a group, so that `$10` is `$1` and a zero.
    ///
    /// # Errors
    /// When a variable is unknown, a `$` names nothing, the text is too long or has anything but printable ASCII.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        if text.len() > MAX_TEMPLATE_BYTES {
            return Err(InvalidTemplate::TooLong);
        }
        if !text.bytes().all(|byte| matches!(byte, 0x20..=0x7E)) {
            return Err(InvalidTemplate::NotPrintable);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            push_literal(&mut parts, &rest[..dollar]);
            let (part, behind) = part(&rest[dollar + 1..])?;
            parts.push(part);
            rest = behind;
        }
        push_literal(&mut parts, rest);
        Ok(Self { text: text.into(), parts })
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The pieces in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether it has a group, which only the path of a rule can fill.
    pub fn has_groups(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Group(_)))
    }
}

fn push_literal(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Literal(text.into()));
    }
}

/// What stands behind a `$`, and the rest.
fn part(text: &str) -> Result<(Part, &str), InvalidTemplate> {
    if let Some(digit @ b'1'..=b'9') = text.bytes().next() {
        return Ok((Part::Group(digit - b'0'), &text[1..]));
    }
    let (name, rest) = match text.strip_prefix('{') {
        Some(text) => text.split_once('}').ok_or(InvalidTemplate::Unclosed)?,
        None => {
            let of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            text.split_at(text.bytes().position(|byte| !of_name(byte)).unwrap_or(text.len()))
        }
    };
    if let [digit @ b'1'..=b'9'] = name.as_bytes() {
        return Ok((Part::Group(digit - b'0'), rest));
    }
    match Variable::named(name) {
        Some(variable) => Ok((Part::Variable(variable), rest)),
        None if name.is_empty() => Err(InvalidTemplate::Nameless),
        None => Err(InvalidTemplate::Unknown(name.chars().take(64).collect())),
    }
}

impl TryFrom<String> for Template {
    type Error = InvalidTemplate;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.text.into()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Not a template; each is a clause about the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// A variable that is not in [`Variable::ALL`].
    #[error("has ${0}, which Ingora does not know")]
    Unknown(String),
    /// A `$` without a name.
    #[error("has a $ that no name follows")]
    Nameless,
    /// `${` without `}`.
    #[error("has a ${{ without a }}")]
    Unclosed,
    /// Longer than [`MAX_TEMPLATE_BYTES`].
    #[error("is longer than 2048 bytes")]
    TooLong,
    /// Something else than printable ASCII.
    #[error("has a character that is not printable ASCII")]
    NotPrintable,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn literal(text: &str) -> Part {
        Part::Literal(text.into())
    }

    #[test]
    fn variables_and_groups_are_told_from_text() {
        let parts = |text| Template::parse(text).map(|template| template.parts().to_vec());
        assert_eq!(parts(""), Ok(vec![]));
        assert_eq!(parts("/a/$2"), Ok(vec![literal("/a/"), Part::Group(2)]));
        assert_eq!(parts("/$10"), Ok(vec![literal("/"), Part::Group(1), literal("0")]));
        assert_eq!(parts("${1}0"), Ok(vec![Part::Group(1), literal("0")]));
        assert_eq!(
            parts("$service_name.$namespace.svc"),
            Ok(vec![
                Part::Variable(Variable::ServiceName),
                literal("."),
                Part::Variable(Variable::Namespace),
                literal(".svc"),
            ])
        );
        let variable = |text| match parts(text).unwrap().swap_remove(0) {
            Part::Variable(variable) => variable,
            part => panic!("{part:?} is no variable"),
        };
        assert_eq!(variable("$http_X_Tenant"), Variable::Header("x-tenant".into()));
        assert_eq!(variable("$cookie_session_id"), Variable::Cookie("session_id".into()));
        assert_eq!(variable("${arg_user}"), Variable::Arg("user".into()));
        assert_eq!(variable("$http_host"), Variable::HttpHost);
        assert_eq!(parts("${host}x"), Ok(vec![Part::Variable(Variable::Host), literal("x")]));
    }

    #[test]
    fn what_no_request_could_fill_is_refused() {
        use InvalidTemplate::{Nameless, NotPrintable, TooLong, Unclosed, Unknown};
        let error = |text: &str| Template::parse(text).unwrap_err();
        assert_eq!(error("$foo"), Unknown("foo".into()));
        assert_eq!(error("$0"), Unknown("0".into()));
        assert_eq!(error("$hostname"), Unknown("hostname".into()));
        assert_eq!(error("$http_"), Unknown("http_".into()));
        assert_eq!(error("$upstream_addr"), Unknown("upstream_addr".into()));
        assert_eq!(error("a$"), Nameless);
        assert_eq!(error("${}"), Nameless);
        assert_eq!(error("$/x"), Nameless);
        assert_eq!(error("${host"), Unclosed);
        assert_eq!(error("a\r\nb"), NotPrintable);
        assert_eq!(error("ü"), NotPrintable);
        assert_eq!(error(&"a".repeat(MAX_TEMPLATE_BYTES + 1)), TooLong);
    }

    proptest! {
        #[test]
        fn a_template_is_bounded_and_travels(text in "[$a-z{}1-9/_ ]{0,40}") {
            let Ok(template) = Template::parse(&text) else { return Ok(()) };
            prop_assert!(template.parts().len() <= text.len());
            let bytes = postcard::to_stdvec(&template).unwrap();
            prop_assert_eq!(postcard::from_bytes::<Template>(&bytes).unwrap(), template);
        }
    }
}
