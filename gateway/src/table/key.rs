//! The key of an entry of a [`super::map`], beside its value: comparing it fetches nothing more.

/// Longer keys are kept elsewhere. Nearly all host names and paths of rules are shorter.
const SHORT: usize = 38;

/// A host name or a path.
#[derive(Clone, Debug)]
pub(crate) struct Key(Kept);

#[derive(Clone, Debug)]
enum Kept {
    Here { length: u8, bytes: [u8; SHORT] },
    Elsewhere(Box<[u8]>),
}

impl Key {
    pub(crate) fn new(key: &str) -> Self {
        let mut bytes = [0; SHORT];
        Self(match (bytes.get_mut(..key.len()), u8::try_from(key.len())) {
            (Some(start), Ok(length)) => {
                start.copy_from_slice(key.as_bytes());
                Kept::Here { length, bytes }
            }
            _ => Kept::Elsewhere(key.as_bytes().into()),
        })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.0 {
            // The length is that of a part of it.
            Kept::Here { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Kept::Elsewhere(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_any_length_stays_what_it_is() {
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 255, 256, 300, 4096] {
            let key = "/".repeat(length);
            assert_eq!(Key::new(&key).bytes(), key.as_bytes());
        }
        assert_eq!(size_of::<Key>(), 40, "two of them fit into a cache line and a quarter");
    }
}
