//! The users in a Secret: a file as htpasswd writes it, or a key for each user.
//!
//! Nothing that is told of it shows its content, which may be a password in the wrong place.

use crate::object::Secret;
use ingora_config::PasswordHash;
use ingora_config::basic_auth::{MAX_USERS, SecretForm, is_user_name};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The key of an `auth-file`.
const KEY: &str = "auth";
/// More faults than these are not kept.
const MAX_FAULTS: usize = 1000;

/// The users that can log in, and what is wrong with the others.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) users: BTreeMap<String, PasswordHash>,
    pub(super) faults: Vec<Fault>,
}

/// A user that cannot log in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Where: a line or a key.
    pub(super) place: String,
    /// Why.
    pub(super) why: String,
}

/// Reads the users of a Secret.
///
/// # Errors
/// When it has nothing to read, or too much.
pub(super) fn read(secret: &Secret, form: SecretForm) -> Result<Read, String> {
    let mut read = Read::default();
    match form {
        SecretForm::AuthFile => {
            let file = secret.other(KEY).ok_or_else(|| format!("it has no key {KEY:?}"))?;
            read.file(file);
        }
        SecretForm::AuthMap => {
            if secret.others.len() > MAX_USERS {
                return Err(format!("it has more than {MAX_USERS} users"));
            }
            for (name, hash) in &secret.others {
                read.add(&|| format!("key {name:?}"), name, Ok(hash.trim_ascii()));
            }
        }
    }
    Ok(read)
}

impl Read {
    /// Lines of `name:hash`; what stands behind another colon is a comment, as in nginx, and so is a line that begins with `#`.
    fn file(&mut self, file: &[u8]) {
        for (index, line) in file.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") || self.users.len() > MAX_USERS {
                continue;
            }
            let place = || format!("line {}", index + 1);
            let mut parts = line.splitn(3, |byte| *byte == b':');
            let name = parts.next().and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
            self.add(&place, name, parts.next().ok_or("it has no colon between a name and a hash"));
        }
    }

    fn add(&mut self, place: &dyn Fn() -> String, name: &str, hash: Result<&[u8], &str>) {
        let parsed = hash.map_err(str::to_owned).and_then(|hash| {
            if !is_user_name(name) {
                return Err("the name before the colon cannot be one".to_owned());
            }
            let text = std::str::from_utf8(hash).map_err(|_| "the hash is not UTF-8".to_owned())?;
            PasswordHash::parse(text).map_err(|why| why.to_string())
        });
        let taken = match parsed {
            Ok(hash) => match self.users.entry(name.to_owned()) {
                Entry::Vacant(entry) => {
                    entry.insert(hash);
                    Ok(())
                }
                // The first counts, as in nginx.
                Entry::Occupied(_) => Err("the same user stands in an earlier line, which counts".to_owned()),
            },
            Err(why) => Err(why),
        };
        if let Err(why) = taken
            && self.faults.len() < MAX_FAULTS
        {
            self.faults.push(Fault { place: place(), why });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_file(text: &[u8]) -> (Vec<String>, Vec<(String, String)>) {
        let mut read = Read::default();
        read.file(text);
        let faults = read.faults.into_iter().map(|fault| (fault.place, fault.why)).collect();
        (read.users.into_keys().collect(), faults)
    }

    #[test]
    fn lines_are_users_and_a_bad_one_spoils_no_other() {
        let file =
            b"# staff\r\n\r\nann:{PLAIN}a\r\nbob:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=:Bob, sales\nhunter2\n:x\n\
            cat:hunter2\n\xff:{PLAIN}x\nann:{PLAIN}b\n";
        let (users, faults) = read_file(file);
        assert_eq!(users, ["ann", "bob"]);
        let places: Vec<_> = faults.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(places, ["line 5", "line 6", "line 7", "line 8", "line 9"]);
        assert!(!format!("{faults:?}").contains("hunter2"), "{faults:?}");
    }

    #[test]
    fn nothing_grows_with_the_number_of_bad_lines() {
        let (users, faults) = read_file("x\n".repeat(100_000).as_bytes());
        assert_eq!((users.len(), faults.len()), (0, MAX_FAULTS));
        let many: String = (0..20_000).map(|number| format!("u{number}:{{PLAIN}}\n")).collect();
        assert_eq!(read_file(many.as_bytes()).0.len(), MAX_USERS + 1);
    }
}
