//! `auth-type: basic` (RFC 7617): only users of a Secret are let in.
//!
//! ```text
//!   Authorization ─▶ credentials ─▶ users of the Secret (users) ─▶ proved before? ─▶ in
//!                                                         │ no
//!                         a hash that is fast to verify ──┼─▶ verified at once (hash)
//!                         a slow one ─────────────────────┴─▶ logins: a few threads of low priority behind a fair queue
//! ```
//!
//! Everything that is missing keeps people out: without the users of the Secret the answer is 503.

pub mod credentials;
pub mod hash;
pub mod logins;
mod turns;
pub mod users;

use crate::answer::Answer;
use crate::proxy::{Context, Gateway};
use crate::reason::Reason;
use credentials::Credentials;
use http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use ingora_config::policy;
use logins::Login;
use pingora_proxy::Session;
use std::sync::Arc;
use users::{Slot, Slots};

/// How long a client should wait when too many passwords wait to be verified, in seconds.
const RETRY_SECONDS: u16 = 5;

/// The guard of a route.
#[derive(Debug)]
pub struct BasicAuth {
    slot: Arc<Slot>,
    /// `WWW-Authenticate`.
    challenge: HeaderValue,
}

impl BasicAuth {
    /// Compiles what annotations ask for.
    pub fn compile(policy: &policy::BasicAuth, slots: &mut Slots) -> Self {
        let challenge = format!("Basic realm=\"{}\"", policy.realm.as_str());
        let challenge = HeaderValue::try_from(challenge).expect("a realm is visible ASCII and spaces");
        Self { slot: slots.acquire(&policy.users), challenge }
    }

    /// Lets users in, and notes who they are.
    ///
    /// # Errors
    /// The answer to everybody else: 401, or 503 when that cannot be found out.
    pub async fn check(&self, gateway: &Gateway, session: &Session, ctx: &mut Context) -> Result<(), Answer> {
        let users = self.slot.users().ok_or_else(|| Answer::page(Reason::Denied))?;
        let headers = &session.req_header().headers;
        let credentials = Credentials::read(headers).ok_or_else(|| self.refusal())?;
        match gateway.logins.check(self.slot.id(), &users, &credentials, ctx.client).await {
            Login::Right(user) => {
                ctx.user = Some(user);
                Ok(())
            }
            Login::Wrong => Err(self.refusal()),
            Login::Busy => {
                let mut answer = Answer::page(Reason::LoginsOverloaded);
                answer.headers.push((RETRY_AFTER, HeaderValue::from(RETRY_SECONDS)));
                Err(answer)
            }
        }
    }

    fn refusal(&self) -> Answer {
        let mut answer = Answer::page(Reason::Unauthorized);
        answer.headers.push((WWW_AUTHENTICATE, self.challenge.clone()));
        answer
    }
}
