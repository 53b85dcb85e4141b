//! Hashes as perl's `crypt` (libxcrypt) and `openssl passwd` make them.

use super::*;

const HORSE: &str = "correct horse";

fn long(length: usize) -> String {
    "x".repeat(length)
}

/// Each hash with its password.
fn vectors() -> Vec<(&'static str, String)> {
    let horses = [
        "{PLAIN}correct horse",
        "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=",
        "{SSHA}LhKrkM9Fy+zlstjdD7Kv2s6QvhBzYWx0",
        "$apr1$saltsalt$EGVZDNN6gOqijy.tv9axG/",
        "$1$ab$.ThsTrbyIbEahEdE8LNwj1",
        "$5$saltstring$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC",
        "$5$rounds=12345$s$JFsQWWscYKogM3nH6/OUvhAxaG9/mCUIE85fIfQvll.",
        "$6$saltstring$.r0X7ub5wGR2v4Xz7svCIozfnlorFh19V89t8KC9Umd81uGhFgsyTRNyzQDXDIm17fFcR9z3z7oBNdsyYBbtm/",
        "$6$rounds=1000$saltstring$YiR6NSM0LQXmu7vAhkMXfkdYk7qtFouVx1Mdr3HmzXspT8kONjlpU3CsV7ezCB62uXJoAdaagsH4ck7/tB9js.",
        "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
        "abhfCpXqd4GrI",
        "./DA5yokVJ1R2",
        "zZbwUvsNVJ9FY",
        "09/5AXct.wwPk",
    ];
    let mut all: Vec<_> = horses.into_iter().map(|hash| (hash, HORSE.to_owned())).collect();
    all.extend([
        ("{PLAIN}", String::new()),
        ("$6$saltstring$kyGrqt6gmjAdtFLPrflEFifSYLCWWq1pyx95SvqinLDy2UHmj0sTF0MSLMwxPFZc3tu5kQckI8fks0zOPda3n1", String::new()),
        ("$2b$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq", String::new()),
        ("$1$ab$rn6aQS/o7141mj179E/zA.", String::new()),
        ("$apr1$s$e2aCb9PLCjZ2t55SoAxXn.", String::new()),
        ("abmF1QH4PEr.E", String::new()),
        ("./xT2u5QYaHcU", "a".to_owned()),
        ("$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i", long(80)),
        ("$1$abcdefgh$z6x8uc2YR4Iwn7XrK8ZMY/", long(200)),
        ("$apr1$12345678$2PFW3YB0JQHJh8.22QhWp0", long(200)),
    ]);
    all
}

#[test]
fn every_kind_takes_its_password_and_no_other() {
    for (text, password) in vectors() {
        let hash = PasswordHash::parse(text).unwrap();
        assert!(verify(&hash, password.as_bytes()), "{text}");
        for wrong in
            [format!("!{password}"), "Correct horse".to_owned(), "correct".to_owned(), "y".to_owned()]
        {
            assert!(!verify(&hash, wrong.as_bytes()), "{text} with {wrong}");
        }
        if !password.is_empty() {
            assert!(!verify(&hash, b""), "{text} with the empty password");
        }
    }
}

#[test]
fn what_is_not_significant_changes_nothing_and_what_is_does() {
    for (text, password) in vectors() {
        let hash = PasswordHash::parse(text).unwrap();
        let short = significant(&hash, password.as_bytes());
        assert!(verify(&hash, short), "{text}");
        let cut = short.len() < password.len();
        assert_eq!(
            cut,
            matches!((hash.kind(), password.len()), (HashKind::Des, 9..) | (HashKind::Bcrypt, 73..))
        );
    }
}

#[test]
fn bytes_that_are_no_text_are_a_password_like_any_other() {
    for (text, password) in
        [("abL/xblNzC5I6", b"\xc3\xa9\xff~!".as_slice()), ("09FD7PaygXznM", b"\xc3\xa9\xff~!")]
    {
        assert!(verify(&PasswordHash::parse(text).unwrap(), password), "{text}");
    }
}
