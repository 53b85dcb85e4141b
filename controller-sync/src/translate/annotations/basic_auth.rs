//! `auth-type`, `auth-secret`, `auth-secret-type`, `auth-realm`: who has a password.
//!
//! The users of a Secret are a resource of their own ([`htpasswd`] reads them), which all Ingresses that name it share.
//! Whatever is missing or broken keeps everybody out.

mod htpasswd;

use super::charset;
use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::quote::quoted;
use crate::translate::value::{Invalid, Parsed, word};
use htpasswd::Fault;
use ingora_config::basic_auth::SecretForm;
use ingora_config::policy::{BasicAuth, Realm};
use ingora_config::{Reason, Resource, Users, UsersId};

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "auth-type",
        "basic_auth",
        Scope::Location,
        Risk::Low,
        OnBad::Reject,
        Support::Differs("`digest` is refused: it needs MD5 and passwords that are stored as good as plain"),
    ),
    Row::new(
        "auth-secret",
        "basic_auth",
        Scope::Location,
        Risk::Medium,
        OnBad::Deny,
        Support::Differs(
            "bcrypt beyond cost 15 and SHA crypt beyond 2,000,000 rounds are refused, line by line, and so are yescrypt and \
             scrypt",
        ),
    ),
    Row::new("auth-secret-type", "basic_auth", Scope::Location, Risk::Low, OnBad::Reject, Support::Full),
    Row::new("auth-realm", "basic_auth", Scope::Location, Risk::Medium, OnBad::Reject, Support::Full),
];

/// Lines of a Secret that are told one by one.
const FAULTS_TOLD: usize = 8;

/// What the annotations of the feature ask for; `None` without any.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<BasicAuth> {
    if reader.text("auth-type").is_none() {
        tell_orphans(reader);
        return None;
    }
    reader.parse("auth-type", auth_type)?;
    let forms = [("auth-file", SecretForm::AuthFile), ("auth-map", SecretForm::AuthMap)];
    let form = match reader.text("auth-secret-type") {
        Some(_) => reader.parse("auth-secret-type", |text| word(text, &forms))?,
        None => SecretForm::default(),
    };
    let realm = match reader.text("auth-realm") {
        Some(_) => reader.parse("auth-realm", realm)?,
        None => Realm::default(),
    };
    let users = users(reader, form)?;
    if realm.as_str() == "off" {
        let message =
            "as in ingress-nginx, \"off\" turns authentication off: requests are NOT protected by a password";
        let hint = "write another realm to have it, or remove auth-type";
        reader.warn("auth-realm", message.into(), hint);
        return None;
    }
    let id = users.id().clone();
    reader.attach(Resource::Users(users));
    Some(BasicAuth { users: id, realm })
}

fn auth_type(text: &str) -> Parsed<()> {
    let hint = "write basic, and serve the host over TLS alone";
    match text {
        "basic" => Ok(()),
        "digest" => {
            let why = "is not supported: it rests on MD5, and its passwords are stored as good as plain";
            Err(Invalid::new(text, why, hint))
        }
        _ => Err(Invalid::new(text, "is no kind of authentication", hint)),
    }
}

fn realm(text: &str) -> Parsed<Realm> {
    charset::check(text, |byte| charset::basic(byte) || byte == b' ')?;
    Realm::new(text).map_err(|why| Invalid::new(text, &format!("is no realm: {why}"), "shorten it"))
}

/// The users of the Secret; without them nobody is let in.
fn users(reader: &mut Reader<'_, '_>, form: SecretForm) -> Option<Users> {
    const NAME: &str = "auth-secret";
    const CREATE: &str = "create it with: kubectl create secret generic NAME --from-file=auth, where auth is a file of htpasswd";
    let Some(text) = reader.text(NAME) else {
        let what = "auth-type asks for passwords and auth-secret names no Secret that has them";
        reader.deny(Reason::AnnotationInvalid, NAME, what, "name a Secret, or remove auth-type");
        return None;
    };
    let (secret, found) = match reader.secret(&text) {
        Ok(found) => found,
        Err(why) => {
            let hint = "name a Secret of the Ingress' own namespace";
            reader.bad(NAME, &format!("{} {why}", quoted(&text)), hint);
            return None;
        }
    };
    let Some(content) = found else {
        reader.deny(Reason::SecretNotFound, NAME, &format!("Secret {secret} does not exist"), CREATE);
        return None;
    };
    let read = htpasswd::read(content, form);
    let users = read.and_then(|read| {
        let id = UsersId { secret: secret.clone(), form };
        Users::new(id, read.users).map(|users| (users, read.faults)).map_err(|why| why.to_string())
    });
    match users {
        Ok((users, faults)) => {
            tell_faults(reader, users.id(), &faults);
            Some(users)
        }
        Err(why) => {
            let hint = "each user is name:hash, as htpasswd -B writes it";
            let hint =
                if form == SecretForm::AuthFile { hint } else { "each key is a user, its value the hash" };
            reader.deny(Reason::SecretInvalid, NAME, &format!("Secret {secret} cannot be used: {why}"), hint);
            None
        }
    }
}

/// Tells of lines that let nobody in. Their content stays where it is: it may be a password.
fn tell_faults(reader: &mut Reader<'_, '_>, id: &UsersId, faults: &[Fault]) {
    let (secret, field) = (&id.secret, reader.field("auth-secret"));
    let hint = "hash the password anew with htpasswd -B";
    for Fault { place, why } in faults.iter().take(FAULTS_TOLD) {
        let message = format!("{place} of Secret {secret} lets nobody in: {why}; the other users can log in");
        reader.found.warning(Reason::SecretInvalid, field.clone(), message, hint);
    }
    if faults.len() > FAULTS_TOLD {
        let message = format!(
            "{} more users of Secret {secret} cannot log in; the others can",
            faults.len() - FAULTS_TOLD
        );
        reader.found.warning(Reason::SecretInvalid, field, message, hint);
    }
}

/// Without `auth-type` the others do nothing, as in ingress-nginx; their author counts on them all the same.
fn tell_orphans(reader: &mut Reader<'_, '_>) {
    let names = ["auth-secret", "auth-secret-type", "auth-realm"];
    if let Some(name) = names.into_iter().find(|name| reader.text(name).is_some()) {
        let message = "without auth-type it has no effect; requests are NOT protected by a password".into();
        reader.unusable(name, message, "add auth-type: basic, or remove it");
    }
}
