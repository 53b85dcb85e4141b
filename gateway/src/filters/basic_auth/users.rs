//! The users of Secrets, as routes find them.
//!
//! ```text
//!   Route ─▶ Slot of a Secret ──ArcSwap──▶ UserTable ─▶ User: hash, and the password that was proved right
//! ```
//!
//! A changed Secret changes one slot, however many routes name it. Users whose hash is the same stay the same value, so that
//! nobody has to prove again what did not change.

use ahash::RandomState;
use arc_swap::ArcSwapOption;
use ingora_config::UsersId;
use ingora_config::basic_auth::{PasswordHash, Users};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

/// A keyed digest of credentials; see [`super::logins`].
pub type Digest = [u8; 32];

/// One user.
#[derive(Debug)]
pub struct User {
    /// The name.
    pub name: Arc<str>,
    /// The hash of the password.
    pub hash: PasswordHash,
    /// The digest of the credentials that were verified. There is only one right password (what a hash ignores of it is not
    /// digested), so one place is enough, and it needs no limit and no lock.
    proved: OnceLock<Digest>,
}

impl User {
    /// Whether these credentials were verified before.
    pub fn is_proved(&self, digest: &Digest) -> bool {
        self.proved.get().is_some_and(|proved| openssl::memcmp::eq(proved, digest))
    }

    /// Notes that these credentials are right.
    pub fn prove(&self, digest: Digest) {
        let _ = self.proved.set(digest);
    }
}

/// The users of one Secret.
#[derive(Debug)]
pub struct UserTable {
    users: HashMap<Arc<str>, Arc<User>, RandomState>,
    /// The same, to stand in for those who do not exist.
    all: Box<[Arc<User>]>,
    state: RandomState,
}

impl UserTable {
    /// Takes over from the table before who did not change.
    pub fn new(users: &Users, before: Option<&Self>) -> Self {
        let user = |(name, hash): (&str, &PasswordHash)| {
            let known = before.and_then(|before| before.users.get(name)).filter(|known| known.hash == *hash);
            known.cloned().unwrap_or_else(|| {
                Arc::new(User { name: name.into(), hash: hash.clone(), proved: OnceLock::new() })
            })
        };
        let all: Box<[Arc<User>]> = users.iter().map(user).collect();
        let users = all.iter().map(|user| (Arc::clone(&user.name), Arc::clone(user))).collect();
        Self { users, all, state: RandomState::new() }
    }

    /// The user of this name, and whether there is one. In place of one who does not exist stands another, always the same
    /// for the same name: the time of an answer tells nobody which names exist.
    pub fn find(&self, name: &str) -> Option<(&Arc<User>, bool)> {
        if let Some(user) = self.users.get(name) {
            return Some((user, true));
        }
        let place = self.state.hash_one(name) % u64::try_from(self.all.len()).ok()?.max(1);
        self.all.get(usize::try_from(place).ok()?).map(|user| (user, false))
    }
}

/// The place of one Secret's users.
#[derive(Debug)]
pub struct Slot {
    id: Arc<UsersId>,
    users: ArcSwapOption<UserTable>,
}

impl Slot {
    /// Which Secret.
    pub fn id(&self) -> &Arc<UsersId> {
        &self.id
    }

    /// Its users; `None` while they are not known.
    pub fn users(&self) -> Option<Arc<UserTable>> {
        self.users.load_full()
    }
}

/// All slots, as the writer of the table keeps them. A slot is there while a route or a Secret names it.
#[derive(Debug, Default)]
pub struct Slots {
    slots: HashMap<UsersId, Held>,
    /// Slots that lost a route or their Secret: looked at when the next table is out.
    loose: HashSet<UsersId>,
}

#[derive(Debug)]
struct Held {
    slot: Arc<Slot>,
    /// As they came; `None` when no Secret brings any.
    users: Option<Users>,
    routes: usize,
}

impl Slots {
    /// Takes users; routes that name them see them at once.
    pub fn set(&mut self, users: Users) {
        let held = self.held(users.id());
        if held.users.as_ref() != Some(&users) {
            let table = UserTable::new(&users, held.slot.users().as_deref());
            held.slot.users.store(Some(Arc::new(table)));
            held.users = Some(users);
        }
    }

    /// The users are gone; the routes that still name them find nobody from the next [`Slots::retire`] on.
    pub fn remove(&mut self, id: &UsersId) {
        if let Some(held) = self.slots.get_mut(id) {
            held.users = None;
            self.loose.insert(id.clone());
        }
    }

    /// The slot for a new route.
    pub fn acquire(&mut self, id: &UsersId) -> Arc<Slot> {
        let held = self.held(id);
        held.routes += 1;
        Arc::clone(&held.slot)
    }

    /// A route is gone.
    pub fn release(&mut self, id: &UsersId) {
        if let Some(held) = self.slots.get_mut(id) {
            held.routes = held.routes.saturating_sub(1);
            self.loose.insert(id.clone());
        }
    }

    /// Empties slots without users, and forgets those that nobody names.
    pub fn retire(&mut self) {
        for id in self.loose.drain() {
            let Some(held) = self.slots.get(&id).filter(|held| held.users.is_none()) else { continue };
            held.slot.users.store(None);
            if held.routes == 0 {
                self.slots.remove(&id);
            }
        }
    }

    /// Whose users are known.
    pub fn keys(&self) -> impl Iterator<Item = &UsersId> {
        self.slots.iter().filter(|(_, held)| held.users.is_some()).map(|(id, _)| id)
    }

    fn held(&mut self, id: &UsersId) -> &mut Held {
        self.slots.entry(id.clone()).or_insert_with(|| {
            let slot = Arc::new(Slot { id: Arc::new(id.clone()), users: ArcSwapOption::empty() });
            Held { slot, users: None, routes: 0 }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ingora_config::NamespacedName;
    use ingora_config::basic_auth::SecretForm;

    fn id() -> UsersId {
        UsersId { secret: NamespacedName::new("shop", "users"), form: SecretForm::AuthFile }
    }

    fn users(lines: &[(&str, &str)]) -> Users {
        let hash = |hash: &str| PasswordHash::parse(hash).unwrap();
        Users::new(id(), lines.iter().map(|(name, text)| ((*name).to_owned(), hash(text))).collect()).unwrap()
    }

    #[test]
    fn a_changed_hash_has_to_be_proved_again_and_an_unchanged_one_has_not() {
        let mut slots = Slots::default();
        let slot = slots.acquire(&id());
        assert!(slot.users().is_none());
        slots.set(users(&[("ann", "{PLAIN}a"), ("bob", "{PLAIN}b")]));
        let table = slot.users().unwrap();
        table.find("ann").unwrap().0.prove([1; 32]);
        table.find("bob").unwrap().0.prove([2; 32]);
        slots.set(users(&[("ann", "{PLAIN}a"), ("bob", "{PLAIN}c"), ("cat", "{PLAIN}a")]));
        let table = slot.users().unwrap();
        assert!(table.find("ann").unwrap().0.is_proved(&[1; 32]));
        assert!(!table.find("ann").unwrap().0.is_proved(&[2; 32]));
        assert!(!table.find("bob").unwrap().0.is_proved(&[2; 32]));
        assert!(!table.find("cat").unwrap().0.is_proved(&[1; 32]));
    }

    #[test]
    fn a_name_that_does_not_exist_has_always_the_same_stand_in() {
        let table = UserTable::new(&users(&[("ann", "{PLAIN}a"), ("bob", "{PLAIN}b")]), None);
        for name in ["eve", "Ann", ""] {
            let (user, known) = table.find(name).unwrap();
            assert!(!known);
            assert_eq!(table.find(name).unwrap().0.name, user.name);
        }
    }

    #[test]
    fn a_secret_that_is_gone_lets_nobody_in_once_the_next_table_is_out() {
        let mut slots = Slots::default();
        slots.set(users(&[("ann", "{PLAIN}a")]));
        let slot = slots.acquire(&id());
        slots.remove(&id());
        assert!(slot.users().is_some(), "the table before still answers");
        assert_eq!(slots.keys().count(), 0);
        slots.retire();
        assert!(slot.users().is_none());
        slots.release(&id());
        slots.retire();
        assert!(slots.slots.is_empty());
    }
}
