//! What is verified how often, and who is turned away.

use super::*;
use base64::Engine as _;
use futures_util::future::join_all;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use ingora_config::NamespacedName;
use ingora_config::basic_auth::{PasswordHash, SecretForm, Users};
use std::cell::Cell;

/// `correct horse`.
const BCRYPT: &str = "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";
const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

struct World {
    logins: Arc<Logins>,
    verified: Counter,
    id: Arc<UsersId>,
    users: UserTable,
}

impl World {
    fn new(lines: &[(&str, &str)]) -> Self {
        let id = UsersId { secret: NamespacedName::new("shop", "users"), form: SecretForm::AuthFile };
        let hash = |text: &str| PasswordHash::parse(text).unwrap();
        let users = lines.iter().map(|(name, text)| ((*name).to_owned(), hash(text))).collect();
        let users = UserTable::new(&Users::new(id.clone(), users).unwrap(), None);
        let verified = Counter::default();
        Self { logins: Logins::new(2, verified.clone()), verified, id: Arc::new(id), users }
    }

    async fn check(&self, name: &str, password: &str) -> Login {
        let text = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("Basic {text}").parse().unwrap());
        let credentials = Credentials::read(&headers).unwrap();
        self.logins.check(&self.id, &self.users, &credentials, HERE).await
    }
}

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), test).await.unwrap() })
}

#[test]
fn the_same_credentials_are_verified_once_however_many_ask_at_once_and_later() {
    let world = World::new(&[("ann", BCRYPT)]);
    run(async {
        for (password, verified) in [("correct horse", 1), ("wrong", 2)] {
            for _ in 0..3 {
                let right = password == "correct horse";
                let want = if right { Login::Right("ann".into()) } else { Login::Wrong };
                let all = join_all((0..50).map(|_| world.check("ann", password))).await;
                assert!(all.iter().all(|login| *login == want), "{all:?}");
                assert_eq!(world.verified.get(), verified, "{password}");
            }
        }
    });
}

#[test]
fn a_name_that_does_not_exist_costs_a_verification_and_is_never_right() {
    let world = World::new(&[("ann", BCRYPT)]);
    run(async {
        assert_eq!(world.check("eve", "wrong").await, Login::Wrong);
        assert_eq!(world.verified.get(), 1);
        // Even with the password of whoever stands in for it, and that stays unproved.
        assert_eq!(world.check("eve", "correct horse").await, Login::Wrong);
        assert_eq!(world.check("eve", "correct horse").await, Login::Wrong);
        assert_eq!(world.verified.get(), 3);
        assert_eq!(world.check("ann", "correct horse").await, Login::Right("ann".into()));
        assert_eq!(world.verified.get(), 4);
    });
}

#[test]
fn fast_hashes_are_verified_at_once() {
    let world = World::new(&[("ann", "{PLAIN}a"), ("bob", "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=")]);
    run(async {
        assert_eq!(world.check("ann", "a").await, Login::Right("ann".into()));
        assert_eq!(world.check("ann", "b").await, Login::Wrong);
        assert_eq!(world.check("bob", "correct horse").await, Login::Right("bob".into()));
        assert_eq!((world.verified.get(), world.logins.shared.lock().threads), (0, 0));
    });
}

#[test]
fn more_than_can_wait_are_turned_away_and_nothing_is_left_of_them() {
    // Cost 10: nothing is done before everybody has asked.
    let world = World::new(&[("ann", "$2y$10$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e")]);
    run(async {
        let passwords: Vec<String> = (0..MAX_WAITING + 50).map(|number| number.to_string()).collect();
        let turned_away = Cell::new(0);
        let ask = async |password: &String| {
            if world.check("ann", password).await == Login::Busy {
                turned_away.set(turned_away.get() + 1);
            }
        };
        let waiting = join_all(passwords.iter().map(ask));
        let asked = tokio::time::timeout(Duration::from_millis(200), waiting).await;
        assert!(asked.is_err(), "hundreds of verifications take longer");
        // A few may be on their way out of the queue.
        assert!(
            (40..=50).contains(&turned_away.get()),
            "{} of 50 too many were turned away",
            turned_away.get()
        );
    });
    // Whoever waited is gone: the threads pass over what is left.
    let begin = std::time::Instant::now();
    while !world.logins.shared.lock().jobs.is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(30), "jobs of nobody are left");
        thread::sleep(Duration::from_millis(5));
    }
    assert!(world.verified.get() < 100, "{} were verified for nobody", world.verified.get());
}

#[test]
fn only_the_last_wrong_credentials_are_remembered() {
    let mut wrong = Wrong::default();
    for number in 0..=u32::try_from(MAX_WRONG).unwrap() {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&number.to_be_bytes());
        wrong.insert(digest);
        wrong.insert(digest);
    }
    assert_eq!((wrong.known.len(), wrong.order.len()), (MAX_WRONG, MAX_WRONG));
    assert!(!wrong.contains(&[0; 32]));
}

#[test]
fn a_network_of_ipv6_is_one_client() {
    let same = |a: &str, b: &str| network(a.parse().unwrap()) == network(b.parse().unwrap());
    assert!(same("2001:db8::1", "2001:db8::ffff:0:0:1"));
    assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
    assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
    assert!(!same("192.0.2.1", "192.0.2.2"));
}

#[test]
fn digests_keep_parts_apart_and_are_those_of_one_process() {
    let keyed = Keyed::new();
    assert_eq!(keyed.digest(&[b"ab", b"c"]), keyed.digest(&[b"ab", b"c"]));
    assert_ne!(keyed.digest(&[b"ab", b"c"]), keyed.digest(&[b"a", b"bc"]));
    assert_ne!(keyed.digest(&[b"ab", b"c"]), Keyed::new().digest(&[b"ab", b"c"]));
}
