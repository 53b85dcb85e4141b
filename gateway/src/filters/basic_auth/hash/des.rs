//! The first `crypt` of Unix: 25 times DES over zeros, with a password of eight bytes as the key and a salt that swaps bits.
//! Weak, and still in old htpasswd files. Bits are kept one to a byte: plain to read, and fast enough where it runs.
//!
//! Tables: FIPS 46-3. The swap by the salt: the manual page crypt(3).

/// The alphabet of `crypt`.
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const FINAL: [u8; 64] = [
    40, 8, 48, 16, 56, 24, 64, 32, 39, 7, 47, 15, 55, 23, 63, 31, 38, 6, 46, 14, 54, 22, 62, 30, 37, 5, 45,
    13, 53, 21, 61, 29, 36, 4, 44, 12, 52, 20, 60, 28, 35, 3, 43, 11, 51, 19, 59, 27, 34, 2, 42, 10, 50, 18,
    58, 26, 33, 1, 41, 9, 49, 17, 57, 25,
];
const CHOICE_1: [u8; 56] = [
    57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44,
    36, 63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20,
    12, 4,
];
const CHOICE_2: [u8; 48] = [
    14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2, 41, 52, 31, 37,
    47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
];
const SHIFTS: [usize; 16] = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];
const EXPANSION: [u8; 48] = [
    32, 1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9, 8, 9, 10, 11, 12, 13, 12, 13, 14, 15, 16, 17, 16, 17, 18, 19, 20,
    21, 20, 21, 22, 23, 24, 25, 24, 25, 26, 27, 28, 29, 28, 29, 30, 31, 32, 1,
];
const PERMUTATION: [u8; 32] = [
    16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6,
    22, 11, 4, 25,
];
const BOXES: [[u8; 64]; 8] = [
    [
        14, 4, 13, 1, 2, 15, 11, 8, 3, 10, 6, 12, 5, 9, 0, 7, 0, 15, 7, 4, 14, 2, 13, 1, 10, 6, 12, 11, 9, 5,
        3, 8, 4, 1, 14, 8, 13, 6, 2, 11, 15, 12, 9, 7, 3, 10, 5, 0, 15, 12, 8, 2, 4, 9, 1, 7, 5, 11, 3, 14,
        10, 0, 6, 13,
    ],
    [
        15, 1, 8, 14, 6, 11, 3, 4, 9, 7, 2, 13, 12, 0, 5, 10, 3, 13, 4, 7, 15, 2, 8, 14, 12, 0, 1, 10, 6, 9,
        11, 5, 0, 14, 7, 11, 10, 4, 13, 1, 5, 8, 12, 6, 9, 3, 2, 15, 13, 8, 10, 1, 3, 15, 4, 2, 11, 6, 7, 12,
        0, 5, 14, 9,
    ],
    [
        10, 0, 9, 14, 6, 3, 15, 5, 1, 13, 12, 7, 11, 4, 2, 8, 13, 7, 0, 9, 3, 4, 6, 10, 2, 8, 5, 14, 12, 11,
        15, 1, 13, 6, 4, 9, 8, 15, 3, 0, 11, 1, 2, 12, 5, 10, 14, 7, 1, 10, 13, 0, 6, 9, 8, 7, 4, 15, 14, 3,
        11, 5, 2, 12,
    ],
    [
        7, 13, 14, 3, 0, 6, 9, 10, 1, 2, 8, 5, 11, 12, 4, 15, 13, 8, 11, 5, 6, 15, 0, 3, 4, 7, 2, 12, 1, 10,
        14, 9, 10, 6, 9, 0, 12, 11, 7, 13, 15, 1, 3, 14, 5, 2, 8, 4, 3, 15, 0, 6, 10, 1, 13, 8, 9, 4, 5, 11,
        12, 7, 2, 14,
    ],
    [
        2, 12, 4, 1, 7, 10, 11, 6, 8, 5, 3, 15, 13, 0, 14, 9, 14, 11, 2, 12, 4, 7, 13, 1, 5, 0, 15, 10, 3, 9,
        8, 6, 4, 2, 1, 11, 10, 13, 7, 8, 15, 9, 12, 5, 6, 3, 0, 14, 11, 8, 12, 7, 1, 14, 2, 13, 6, 15, 0, 9,
        10, 4, 5, 3,
    ],
    [
        12, 1, 10, 15, 9, 2, 6, 8, 0, 13, 3, 4, 14, 7, 5, 11, 10, 15, 4, 2, 7, 12, 9, 5, 6, 1, 13, 14, 0, 11,
        3, 8, 9, 14, 15, 5, 2, 8, 12, 3, 7, 0, 4, 10, 1, 13, 11, 6, 4, 3, 2, 12, 9, 5, 15, 10, 11, 14, 1, 7,
        6, 0, 8, 13,
    ],
    [
        4, 11, 2, 14, 15, 0, 8, 13, 3, 12, 9, 7, 5, 10, 6, 1, 13, 0, 11, 7, 4, 9, 1, 10, 14, 3, 5, 12, 2, 15,
        8, 6, 1, 4, 11, 13, 12, 3, 7, 14, 10, 15, 6, 8, 0, 5, 9, 2, 6, 11, 13, 8, 1, 4, 10, 7, 9, 5, 0, 15,
        14, 2, 3, 12,
    ],
    [
        13, 2, 8, 4, 6, 15, 11, 1, 10, 9, 3, 14, 5, 0, 12, 7, 1, 15, 13, 8, 10, 3, 7, 4, 12, 5, 6, 11, 0, 14,
        9, 2, 7, 11, 4, 1, 9, 12, 14, 2, 0, 6, 10, 13, 15, 3, 5, 8, 2, 1, 14, 7, 4, 10, 8, 13, 15, 12, 9, 0,
        3, 5, 6, 11,
    ],
];

/// Whether a hash of thirteen characters, the first two of which are the salt, is made of this password.
pub(super) fn verify(text: &str, password: &[u8]) -> bool {
    let Some((salt, wanted)) = text.as_bytes().split_at_checked(2) else { return false };
    crypt(salt, password).is_some_and(|made| super::same(&made, wanted))
}

fn crypt(salt: &[u8], password: &[u8]) -> Option<Vec<u8>> {
    let keys = keys(password);
    let mut swap = [false; 24];
    for (index, character) in salt.iter().enumerate() {
        let value = ALPHABET.iter().position(|known| known == character)?;
        for bit in 0..6 {
            swap[index * 6 + bit] = value >> bit & 1 == 1;
        }
    }
    // The initial permutation of zeros is zeros, and each final one undoes the initial one of the next time.
    let (mut left, mut right) = ([0; 32], [0; 32]);
    for _ in 0..25 {
        for key in &keys {
            let mixed = mix(&right, key, &swap);
            let next = std::array::from_fn(|bit| left[bit] ^ mixed[bit]);
            (left, right) = (right, next);
        }
        (left, right) = (right, left);
    }
    let block: [u8; 64] = std::array::from_fn(|bit| if bit < 32 { left[bit] } else { right[bit - 32] });
    let mut bits: Vec<u8> = choose(&block, &FINAL).to_vec();
    bits.extend([0, 0]);
    let value = |six: &[u8]| six.iter().fold(0, |value, bit| value << 1 | usize::from(*bit));
    Some(bits.chunks(6).map(|six| ALPHABET[value(six)]).collect())
}

/// The bits at these places, which count from 1.
fn choose<const N: usize>(bits: &[u8], places: &[u8; N]) -> [u8; N] {
    places.map(|place| bits[usize::from(place) - 1])
}

/// The sixteen keys of the rounds: seven bits of each byte of the password.
fn keys(password: &[u8]) -> [[u8; 48]; 16] {
    let mut bits = [0; 64];
    for (index, byte) in password.iter().take(8).enumerate() {
        for bit in 0..7 {
            bits[index * 8 + bit] = byte >> (6 - bit) & 1;
        }
    }
    let mut halves = choose(&bits, &CHOICE_1);
    SHIFTS.map(|shift| {
        halves[..28].rotate_left(shift);
        halves[28..].rotate_left(shift);
        choose(&halves, &CHOICE_2)
    })
}

/// The function of a round.
fn mix(right: &[u8; 32], key: &[u8; 48], swap: &[bool; 24]) -> [u8; 32] {
    let mut expanded = choose(right, &EXPANSION);
    for (bit, _) in swap.iter().enumerate().filter(|(_, swap)| **swap) {
        expanded.swap(bit, bit + 24);
    }
    let mut mixed = [0; 32];
    for (index, table) in BOXES.iter().enumerate() {
        let six: [u8; 6] = std::array::from_fn(|bit| expanded[index * 6 + bit] ^ key[index * 6 + bit]);
        let row = six[0] << 1 | six[5];
        let column = six[1..5].iter().fold(0, |value, bit| value << 1 | bit);
        let value = table[usize::from(row * 16 + column)];
        for bit in 0..4 {
            mixed[index * 4 + bit] = value >> (3 - bit) & 1;
        }
    }
    choose(&mixed, &PERMUTATION)
}
