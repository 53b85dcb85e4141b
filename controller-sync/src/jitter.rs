//! Chance, for clocks that must not tick in step and names that must not meet.

/// A number from 0 up to, not including, 1.
pub(crate) fn fraction() -> f64 {
    f64::from(bits()) / (f64::from(u32::MAX) + 1.0)
}

/// Eight hexadecimal digits.
pub(crate) fn suffix() -> String {
    format!("{:08x}", bits())
}

fn bits() -> u32 {
    let mut bytes = [0; 4];
    // Without randomness there is no TLS either; clocks that tick in step are the smaller evil.
    let _ = openssl::rand::rand_bytes(&mut bytes);
    u32::from_be_bytes(bytes)
}
